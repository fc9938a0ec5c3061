//! Encrypts what an earlier release, or a process without a key, left behind.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, prelude::Uuid, sea_query::Expr,
};

use super::{row, store::Subscriptions};
use crate::{
    error::Error,
    signing::{SEALED_2_PREFIX, SecretKey},
    tables::subscription::{Column, Entity, Model},
};

/// How many rows are read at a time.
const PAGE: u64 = 500;

impl Subscriptions {
    /// Encrypts secrets, headers and tokens that are stored in clear text, or that release 0.1 encrypted without their owner
    /// and URL. Returns how many subscriptions it has rewritten.
    ///
    /// Without a key it does nothing. With [`SecretKey::sealed_only`] it does nothing either: a text that somebody else
    /// wrote must not become a good one.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]. A row that can't be decrypted stays as it is, with a line in the log.
    pub(crate) async fn reseal(&self) -> Result<usize, Error> {
        let Some(key) = self.key.as_ref().filter(|key| self.store.is_none() && !key.is_sealed_only()) else {
            return Ok(0);
        };
        let (mut after, mut rewritten) = (Uuid::nil(), 0);
        loop {
            let rows = Entity::find().filter(Column::Id.gt(after)).filter(Column::DeletedAt.is_null()).filter(old());
            let rows = rows.order_by_asc(Column::Id).limit(PAGE).all(&self.db).await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            for row in &rows {
                rewritten += usize::from(self.reseal_row(row, key).await?);
            }
        }
        if rewritten > 0 {
            tracing::info!(subscriptions = rewritten, "encrypted secrets and headers for their owners and URLs");
        }
        Ok(rewritten)
    }

    /// Rewrites a row, unless somebody else has changed it since it was read.
    async fn reseal_row(&self, row: &Model, key: &SecretKey) -> Result<bool, Error> {
        let row::Sealed { secret, headers, verify_token } = match row::sealed_anew(row, key) {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::warn!(%error, "a subscription stays as it is stored");
                return Ok(false);
            }
        };
        let update = Entity::update_many()
            .col_expr(Column::Secret, Expr::value(secret))
            .col_expr(Column::Headers, Expr::value(headers))
            .col_expr(Column::VerifyToken, Expr::value(verify_token))
            .filter(Column::Id.eq(row.id))
            .filter(Column::Version.eq(row.version))
            .filter(Column::Secret.eq(row.secret.as_str()))
            .filter(Column::DeletedAt.is_null());
        Ok(update.exec(&self.db).await?.rows_affected > 0)
    }
}

/// Rows with a text that isn't of the second version.
fn old() -> Condition {
    let new = format!("{SEALED_2_PREFIX}%");
    let secret = Condition::all().add(Column::Secret.ne("")).add(Column::Secret.not_like(new.clone()));
    let headers = Condition::all().add(Column::Headers.is_not_null()).add(Column::Headers.not_like(new.clone()));
    let token = Condition::all().add(Column::VerifyToken.is_not_null()).add(Column::VerifyToken.not_like(new));
    Condition::any().add(secret).add(headers).add(token)
}
