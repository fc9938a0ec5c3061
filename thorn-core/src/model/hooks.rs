//! What the generated `ActiveModelBehavior` calls.

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, ModelTrait, TryIntoModel};

use super::{
    Change, Op, WebhookModel,
    carry::Slot,
    gone, guard,
    junction::{LinkRows, batch},
    locked,
    suppress::is_suppressed,
    webhook_model::{events, listens, reads_old},
};
use crate::outbox;

/// Refuses a save outside a transaction, and reads the row as it is if an event asks for it.
///
/// # Errors
///
/// The refusal, or the database's.
pub async fn before_save<A, C>(active_model: A, db: &C, insert: bool) -> Result<A, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    let op = if insert { Op::Create } else { Op::Change };
    if A::Entity::JUNCTION {
        batch::begin::<A::Entity, C>(db);
    }
    if !announces::<A::Entity>(op) {
        return Ok(active_model);
    }
    guard::check::<A::Entity, C>()?;
    if !insert
        && reads_old::<A::Entity>()
        && let Some(key) = active_model.get_primary_key_value()
    {
        let row = locked::row_of(&active_model, db).await?;
        Slot::of::<<A::Entity as EntityTrait>::Model, C>(db, key).put(row);
    }
    Ok(active_model)
}

/// Writes the events of an insert or update.
///
/// # Errors
///
/// An event that can't be rendered, or the database's.
pub async fn after_save<E, C>(row: E::Model, db: &C, insert: bool) -> Result<E::Model, DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let op = if insert { Op::Create } else { Op::Change };
    if announces::<E>(op) {
        let old = if !insert && reads_old::<E>() {
            Slot::of::<E::Model, C>(db, row.get_primary_key_value()).take()
        } else {
            None
        };
        write::<E, C>(Change { op, old: old.as_ref(), new: &row }, db).await?;
        if insert || old.is_some() {
            let rows = LinkRows::new(old.as_slice(), std::slice::from_ref(&row));
            E::announce_links(rows.part(), db).await?;
        }
    }
    Ok(row)
}

/// Refuses a deletion outside a transaction, and reads the row while it is there.
///
/// # Errors
///
/// The refusal, or the database's.
pub async fn before_delete<A, C>(mut active_model: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    if A::Entity::JUNCTION {
        batch::begin::<A::Entity, C>(db);
    }
    if announces::<A::Entity>(Op::Delete) {
        guard::check::<A::Entity, C>()?;
        if let Some(key) = active_model.get_primary_key_value() {
            let row = locked::row_of(&active_model, db).await?;
            if A::Entity::JUNCTION && row.is_none() {
                gone::mark(&mut active_model);
            }
            Slot::of::<<A::Entity as EntityTrait>::Model, C>(db, key).put(row);
        }
    }
    Ok(active_model)
}

/// Writes the events of a deletion, if there was a row to delete.
///
/// # Errors
///
/// An event that can't be rendered, or the database's.
pub async fn after_delete<A, C>(active_model: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelTrait + TryIntoModel<<A::Entity as EntityTrait>::Model>,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    if announces::<A::Entity>(Op::Delete)
        && let Some(key) = active_model.get_primary_key_value()
        && let Some(row) = Slot::of::<<A::Entity as EntityTrait>::Model, C>(db, key)
            .take()
            .or_else(|| gone::returned::<A, C>(&active_model, db))
    {
        write::<A::Entity, C>(Change { op: Op::Delete, old: None, new: &row }, db).await?;
        A::Entity::announce_links(LinkRows::new(std::slice::from_ref(&row), &[]).part(), db).await?;
    }
    Ok(active_model)
}

fn announces<E: WebhookModel>(op: Op) -> bool {
    listens::<E>(op) && !is_suppressed()
}

async fn write<E: WebhookModel, C: ConnectionTrait>(change: Change<'_, E::Model>, db: &C) -> Result<(), DbErr> {
    let events = events::<E>(change)?;
    Ok(outbox::write(db, events).await?)
}
