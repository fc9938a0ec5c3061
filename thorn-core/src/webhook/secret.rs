//! A webhook's secret, as its row has it.

use crate::{
    error::Error,
    id::SubscriptionId,
    signing::{SealedColumn, SealedPlace, Secret, SecretKey, seal, unseal},
    spec::derived,
    tables::webhook::Model,
};

/// The secret of a row.
pub(super) fn read(row: &Model, key: Option<&SecretKey>) -> Result<Secret, Error> {
    Ok(Secret::new(unseal(&row.secret, place(row, &id(row.id)), key)?))
}

/// The text that the row stores. With a `key` it is encrypted for the row's owner and URL.
pub(super) fn write(row: &Model, secret: &Secret, key: Option<&SecretKey>) -> Result<String, Error> {
    Ok(seal(secret.expose(), place(row, &id(row.id)), key)?)
}

/// The id under which the secret is encrypted. No subscription has it.
fn id(webhook: i64) -> SubscriptionId {
    derived("webhook's secret", &[&webhook.to_string()])
}

fn place<'a>(row: &'a Model, id: &SubscriptionId) -> SealedPlace<'a> {
    let owner = Some(row.owner.as_str()).filter(|owner| !owner.is_empty());
    SealedPlace { column: SealedColumn::Secret, id: *id, owner, url: &row.url }
}
