//! Encrypts secrets that a process without a key has stored in clear text.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use super::secret;
use crate::{
    error::Error,
    signing::{SEALED_PREFIX, Secret},
    subscription::Subscriptions,
    tables::webhook::{Column, Entity},
};

/// How many rows are read at a time.
const PAGE: u64 = 500;

/// Encrypts the secrets of webhooks that are stored in clear text.
///
/// Without a key it does nothing. With [`SecretKey::sealed_only`](crate::signing::SecretKey::sealed_only) it does nothing
/// either: a text that somebody else wrote must not become a good one.
///
/// # Errors
///
/// [`Error::Database`]; [`Error::Secret`] if a secret can't be encrypted.
pub(crate) async fn reseal(subscriptions: &Subscriptions) -> Result<(), Error> {
    let Some(key) = subscriptions.key.as_ref().filter(|key| !key.is_sealed_only()) else { return Ok(()) };
    let mut after = 0;
    loop {
        let rows =
            Entity::find().filter(Column::Id.gt(after)).filter(Column::Secret.not_like(format!("{SEALED_PREFIX}%")));
        let rows = rows.order_by_asc(Column::Id).limit(PAGE).all(&subscriptions.db).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.id;
        for row in &rows {
            let sealed = secret::write(row, &Secret::new(row.secret.as_str()), Some(key))?;
            // Unless somebody else has changed the row since it was read.
            let update = Entity::update_many().col_expr(Column::Secret, Expr::value(sealed));
            let same = update.filter(Column::Id.eq(row.id)).filter(Column::Url.eq(row.url.as_str()));
            same.filter(Column::Secret.eq(row.secret.as_str())).exec(&subscriptions.db).await?;
        }
    }
}
