//! Notes in the log that events are deleted.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, prelude::Uuid, sea_query::Expr,
};

use super::{cursor::Check, number::last_position};
use crate::{
    db::one_of,
    error::Error,
    id::EventId,
    tables::log::{self, event},
};

/// Notes that this transaction deletes these events. Does nothing while the log is off.
///
/// Call it right before the deletion: it takes the lock that the sequencer waits for.
///
/// A reader whose cursor stands before a deleted event learns that events are missing. An event that was never numbered
/// leaves a position without an event, so that such a reader learns of it, too.
pub(crate) async fn note_deletion(txn: &DatabaseTransaction, events: &[Uuid]) -> Result<(), Error> {
    let Some(last) = last_position(txn).await? else { return Ok(()) };
    let rows: Vec<(Uuid, Option<i64>)> = event::Entity::find()
        .select_only()
        .columns([event::Column::Id, event::Column::Position])
        .filter(one_of(txn, event::Column::Id, events.iter().copied()))
        .into_tuple()
        .all(txn)
        .await?;
    let highest = if rows.iter().any(|(_, position)| position.is_none()) {
        tracing::warn!("events are deleted that the log has no position for; readers are told that events are missing");
        Some((last + 1, Check::random()))
    } else {
        let numbered = rows.iter().filter_map(|(id, position)| Some((position.filter(|at| *at > 0)?, id)));
        numbered.max().map(|(position, id)| (position, Check::of(EventId::from_uuid(*id))))
    };
    let Some((position, check)) = highest else { return Ok(()) };
    log::Entity::update_many()
        .col_expr(log::Column::CompleteFrom, Expr::value(position + 1))
        .col_expr(log::Column::CheckBefore, Expr::value(check.to_string()))
        .col_expr(log::Column::LastPosition, Expr::value(last.max(position)))
        .filter(log::Column::Id.eq(1))
        .filter(log::Column::CompleteFrom.lte(position))
        .exec(txn)
        .await?;
    Ok(())
}
