//! Writes the events of changed rows to the outbox.

use sea_orm::{ConnectionTrait, DbErr, ModelTrait, sea_query::ValueTuple};

use super::{
    change::{Change, Op},
    coalesce::render_events,
    link_rows::LinkRows,
    suppress::is_suppressed,
    webhook_model::{WebhookModel, has_events},
};
use crate::{
    outbox,
    row_change::{self, Operation},
};

/// A row that a statement wrote.
#[derive(Debug)]
pub(super) struct Written<M> {
    pub(super) op: Op,
    /// The row before an update, if it was read.
    pub(super) old: Option<M>,
    /// The row now; for a deletion, the deleted row.
    pub(super) new: M,
}

impl<M> Written<M> {
    pub(super) fn created(new: M) -> Self {
        Self { op: Op::Create, old: None, new }
    }

    pub(super) fn changed(old: Option<M>, new: M) -> Self {
        Self { op: Op::Change, old, new }
    }

    pub(super) fn deleted(row: M) -> Self {
        Self { op: Op::Delete, old: None, new: row }
    }
}

/// Whether a change of this kind is announced now.
pub(super) fn is_announced<E: WebhookModel>(op: Op) -> bool {
    has_events::<E>(op) && !is_suppressed()
}

/// Whether a statement of this kind must know its rows: to announce them, or to tell [`watch`](crate::watch) that they
/// were seen.
pub(super) fn needs_rows<E: WebhookModel>(op: Op) -> bool {
    is_announced::<E>(op) || row_change::is_noted::<E>(Operation::from(op))
}

/// Tells [`watch`](crate::watch) that the hooks have seen these changes, whether or not they have written events.
/// Where nothing is watched, it does nothing.
pub(super) async fn mark_seen<E, C>(op: Op, keys: impl FnOnce() -> Vec<ValueTuple>, db: &C) -> Result<(), DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    row_change::seen::<E, C>(Operation::from(op), keys, db).await
}

impl From<Op> for Operation {
    fn from(op: Op) -> Self {
        match op {
            Op::Create => Self::Create,
            Op::Change => Self::Change,
            Op::Delete => Self::Delete,
        }
    }
}

/// Writes the events of one change.
pub(super) async fn announce_row<E, C>(change: Change<'_, E::Model>, db: &C) -> Result<(), DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let events = render_events::<E, C>(change, db)?;
    Ok(outbox::write(db, events).await?)
}

/// Writes the events of these changes together, in their order.
pub(super) async fn announce_changes<'a, E, C>(
    changes: impl Iterator<Item = Change<'a, E::Model>>,
    db: &C,
) -> Result<(), DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let changes: Vec<_> = changes.collect();
    if !is_suppressed() {
        let mut events = Vec::new();
        for change in &changes {
            events.extend(render_events::<E, C>(*change, db)?);
        }
        outbox::write(db, events).await?;
    }
    for op in [Op::Create, Op::Change, Op::Delete] {
        let of_op = changes.iter().filter(|change| change.op == op);
        mark_seen::<E, C>(op, || of_op.map(|change| change.new.get_primary_key_value()).collect(), db).await?;
    }
    Ok(())
}

/// Writes the events of these rows and, if they are links, the events of the rows on both sides.
pub(super) async fn announce<E, C>(rows: &[Written<E::Model>], db: &C) -> Result<(), DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let changes = rows.iter().map(|row| Change { op: row.op, old: row.old.as_ref(), new: &row.new });
    announce_changes::<E, C>(changes, db).await?;
    if !E::JUNCTION || is_suppressed() {
        return Ok(());
    }
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for row in rows {
        removed.extend(row.old.clone());
        if row.op == Op::Delete { removed.push(row.new.clone()) } else { added.push(row.new.clone()) }
    }
    E::announce_links(LinkRows::new(&removed, &added), db).await
}
