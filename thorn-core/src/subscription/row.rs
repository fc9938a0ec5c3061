//! A subscription as a row of `thorn_subscription`, and back.

use std::fmt;

use sea_orm::{ActiveValue::Set, DbErr};
use sha2::{Digest as _, Sha256};

use super::{
    Disabled, Pattern, Secret, SecretKey, Subscription,
    entity::{ActiveModel, Model},
    sealing,
};
use crate::{Error, SubscriptionId, Timestamp};

/// Reads a row. Fails if the secret can't be decrypted, or somebody else wrote to the table.
pub(super) fn read(row: Model, key: Option<&SecretKey>) -> Result<Subscription, Error> {
    let secret = sealing::unseal(&row.secret, SubscriptionId::from_uuid(row.id), key)?;
    with_secret(row, secret)
}

/// Reads a row but for its secret, instead of which it gets this one.
pub(super) fn with_secret(row: Model, secret: Secret) -> Result<Subscription, Error> {
    let id = SubscriptionId::from_uuid(row.id);
    Ok(Subscription {
        id,
        pattern: Pattern::parse(&row.pattern).map_err(|error| unreadable(id, &error))?,
        secret,
        digest: row.digest.parse().map_err(|error| unreadable(id, &error))?,
        content_type: row.content_type.parse().map_err(|error| unreadable(id, &error))?,
        disabled: row
            .disabled_at
            .map(|at| Disabled { at: Timestamp::from_millis(at), reason: row.disabled_reason.unwrap_or_default() }),
        failing_since: row.failing_since.map(Timestamp::from_millis),
        owner: row.owner,
        url: row.url,
        created_at: Timestamp::from_millis(row.created_at),
        updated_at: Timestamp::from_millis(row.updated_at),
        created_version: row.created_version,
        version: row.version,
    })
}

/// The row of a subscription, with its secret as [`sealing::seal`] made it.
pub(super) fn write(subscription: &Subscription, sealed: String) -> ActiveModel {
    let disabled = subscription.disabled.as_ref();
    ActiveModel {
        id: Set(subscription.id.as_uuid()),
        owner: Set(subscription.owner.clone()),
        pattern: Set(subscription.pattern.as_str().to_owned()),
        url: Set(subscription.url.clone()),
        secret: Set(sealed),
        digest: Set(subscription.digest.as_str().to_owned()),
        content_type: Set(subscription.content_type.as_str().to_owned()),
        disabled_at: Set(disabled.map(|disabled| disabled.at.as_millis())),
        disabled_reason: Set(disabled.map(|disabled| disabled.reason.clone())),
        failing_since: Set(subscription.failing_since.map(Timestamp::as_millis)),
        identity: Set(Some(identity(subscription))),
        created_at: Set(subscription.created_at.as_millis()),
        updated_at: Set(subscription.updated_at.as_millis()),
        deleted_at: Set(None),
        created_version: Set(subscription.created_version),
        version: Set(subscription.version),
        ..ActiveModel::default()
    }
}

/// What is unique about a subscription, in a length that every database can index.
fn identity(subscription: &Subscription) -> String {
    let mut hash = Sha256::new();
    // Each part behind its length, so that no two lists of parts give the same bytes.
    let parts = [subscription.owner.as_deref(), Some(&subscription.url), Some(subscription.pattern.as_str())];
    for part in parts {
        hash.update([u8::from(part.is_some())]);
        let part = part.unwrap_or_default();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unreadable(id: SubscriptionId, error: &dyn fmt::Display) -> DbErr {
    DbErr::Type(format!("row {id} of thorn_subscription is unreadable: {error}"))
}
