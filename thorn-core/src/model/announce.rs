//! Writes the events of changed rows to the outbox.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr, ModelTrait, sea_query::ValueTuple};

use super::{
    change::{Change, Op},
    suppress::is_suppressed,
    webhook_model::{WebhookModel, has_events, render_events},
};
use crate::outbox;

/// Whether a change of this kind is announced now.
pub(super) fn is_announced<E: WebhookModel>(op: Op) -> bool {
    has_events::<E>(op) && !is_suppressed()
}

/// Writes the events of one change.
pub(super) async fn announce_row<E, C>(change: Change<'_, E::Model>, db: &C) -> Result<(), DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let events = render_events::<E>(change)?;
    Ok(outbox::write(db, events).await?)
}

/// Writes the events of many changes of the same kind together. `old` has the rows before an update, by their
/// primary keys.
pub(super) async fn announce_rows<E, C>(
    op: Op,
    old: &HashMap<ValueTuple, E::Model>,
    new: &[E::Model],
    db: &C,
) -> Result<(), DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let mut all = Vec::new();
    for row in new {
        let old = if op == Op::Change { old.get(&row.get_primary_key_value()) } else { None };
        all.extend(render_events::<E>(Change { op, old, new: row })?);
    }
    Ok(outbox::write(db, all).await?)
}
