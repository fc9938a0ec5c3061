//! Erases and removes the rows of deleted subscriptions, step by step.
//!
//! A deletion erases nearly everything, but not the row and the URL. While deliveries refer to the subscription, both
//! stay for the history. After that, the URL is erased, and in the end the row goes.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, FromQueryResult, QueryFilter, Value,
    prelude::Uuid, sea_query::Expr,
};

use super::write::REGISTRY_ROW;
use crate::{
    db::{statement, transaction},
    error::Error,
    tables::subscription::{Column, Entity},
    timestamp::Timestamp,
};

/// The least age at which a deleted subscription loses its URL or its row. A caller who reads a list page by page finds
/// the next page by the last subscription of the page before, which may have been deleted meanwhile.
const LEAST_AGE: Duration = Duration::from_secs(60 * 60);

/// Rows of one page, which are one commit.
const ROWS_PER_PAGE: usize = 200;

/// Pages of one run. The bound keeps a long clean-up from delaying deliveries.
const PAGES: usize = 5;

/// An SQL expression for a delivery that refers to the subscription. For an `EXISTS`, MariaDB may read all deliveries.
const A_DELIVERY: &str =
    "(SELECT thorn_delivery.id FROM thorn_delivery WHERE subscription_id = thorn_subscription.id LIMIT 1)";

/// Walks through the rows of deleted subscriptions, from the first deleted to the last, and then again.
///
/// Rows that must stay would stand in the way of a search for rows that may go. The walk passes them, so each run costs
/// the same however many there are.
#[derive(Debug, Default)]
pub(crate) struct Purge {
    /// The place in the walk: the next page begins after this row. `None` begins with the first row.
    after: Option<(i64, Uuid)>,
}

/// The row of a deleted subscription.
#[derive(Debug, FromQueryResult)]
struct Deleted {
    id: Uuid,
    deleted_at: i64,
    version: i64,
    url: String,
    /// A delivery that refers to the subscription.
    delivery: Option<Uuid>,
}

impl Purge {
    /// Erases URLs and deletes rows that nothing refers to any more. Rows are deleted once they are as old as `keep`;
    /// `None` keeps them for ever. Looks at a bounded number of rows and returns how many it deleted.
    pub(crate) async fn run(
        &mut self,
        db: &DatabaseConnection,
        now: Timestamp,
        keep: Option<Duration>,
    ) -> Result<usize, Error> {
        let mut deleted = 0;
        for _ in 0..PAGES {
            let page = page(db, self.after, now - LEAST_AGE).await?;
            self.after = match page.last() {
                Some(last) if page.len() == ROWS_PER_PAGE => Some((last.deleted_at, last.id)),
                _ => None,
            };
            let free = page.iter().filter(|row| row.delivery.is_none());
            let is_over =
                |row: &Deleted| keep.is_some_and(|keep| row.deleted_at <= (now - keep.max(LEAST_AGE)).as_millis());
            let (over, others): (Vec<_>, Vec<_>) = free.partition(|row| is_over(row));
            erase_urls(db, others).await?;
            deleted += delete_rows(db, over).await?;
            if self.after.is_none() {
                break;
            }
        }
        if deleted > 0 {
            tracing::info!(subscriptions = deleted, "purged deleted subscriptions");
        }
        Ok(deleted)
    }
}

/// The rows that were deleted first, behind a row and before a moment.
async fn page(db: &DatabaseConnection, after: Option<(i64, Uuid)>, before: Timestamp) -> Result<Vec<Deleted>, DbErr> {
    let (deleted_at, id) = after.unwrap_or((i64::MIN, Uuid::nil()));
    let sql = format!(
        "SELECT id, deleted_at, version, url, {A_DELIVERY} AS delivery FROM thorn_subscription \
         WHERE deleted_at >= ? AND deleted_at <= ? AND (deleted_at > ? OR id > ?) \
         ORDER BY deleted_at, id LIMIT {ROWS_PER_PAGE}"
    );
    let values = [deleted_at.into(), before.as_millis().into(), deleted_at.into(), id.into()];
    Deleted::find_by_statement(statement(db.get_database_backend(), &sql, values)).all(db).await
}

async fn erase_urls(db: &DatabaseConnection, rows: Vec<&Deleted>) -> Result<(), Error> {
    let ids: Vec<Uuid> = rows.into_iter().filter(|row| !row.url.is_empty()).map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    // A configuration may have brought one back since.
    Entity::update_many()
        .col_expr(Column::Url, Expr::value(""))
        .filter(Column::Id.is_in(ids))
        .filter(Column::DeletedAt.is_not_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes the rows and notes their highest version, in one transaction. A registry that is below that version reads
/// everything anew.
async fn delete_rows(db: &DatabaseConnection, rows: Vec<&Deleted>) -> Result<usize, Error> {
    let Some(highest) = rows.iter().map(|row| row.version).max() else { return Ok(0) };
    let txn = transaction::begin(db).await?;
    let backend = txn.get_database_backend();
    // This locks the registry's row, as all writers of subscriptions do first.
    let note = "UPDATE thorn_registry SET purged_version = CASE WHEN purged_version < ? THEN ? ELSE purged_version END \
                WHERE id = ?";
    txn.execute_raw(statement(backend, note, [highest.into(), highest.into(), REGISTRY_ROW.into()])).await?;
    let marks = vec!["?"; rows.len()].join(", ");
    // Since the page was read, a configuration may have brought a row back, or an attempt may have been recorded.
    let sql = format!(
        "DELETE FROM thorn_subscription WHERE id IN ({marks}) AND deleted_at IS NOT NULL AND version <= ? \
         AND {A_DELIVERY} IS NULL"
    );
    let values = rows.iter().map(|row| Value::from(row.id)).chain([highest.into()]);
    let deleted = txn.execute_raw(statement(backend, &sql, values)).await?;
    let paces = format!(
        "DELETE FROM thorn_pace WHERE subscription_id IN ({marks}) \
         AND subscription_id NOT IN (SELECT id FROM thorn_subscription)"
    );
    txn.execute_raw(statement(backend, &paces, rows.iter().map(|row| Value::from(row.id)))).await?;
    txn.commit().await?;
    Ok(usize::try_from(deleted.rows_affected()).unwrap_or(usize::MAX))
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
