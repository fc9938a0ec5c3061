//! What the generated `ActiveModelBehavior` calls.

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, ModelTrait, TryIntoModel};

use super::{
    autocommit as guard,
    before_image::Slot,
    change::{Change, Op},
    deletion_race as gone,
    junction::{LinkRows, batch, columns_of, lock_links},
    row_lock as locked,
    suppress::is_suppressed,
    webhook_model::{WebhookModel, events, listens, reads_old},
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
    if insert && looks_first::<A::Entity, C>(db) {
        lock_links::<A::Entity, C>(|| vec![columns_of(&active_model)], db).await?;
    }
    if (if insert { looks_first::<A::Entity, C>(db) } else { reads_old::<A::Entity>() })
        && let Some(key) = active_model.get_primary_key_value()
    {
        let row = locked::row_of(&active_model, db).await?;
        let slot = Slot::of::<<A::Entity as EntityTrait>::Model, C>(db, key);
        if insert {
            let before = slot.clone().take().map_or(0, |Linked(times)| times);
            slot.put(row.map(|_| Linked(before + 1)));
        } else {
            slot.put(row);
        }
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
        let slot = || Slot::of::<E::Model, C>(db, row.get_primary_key_value());
        let old = if !insert && reads_old::<E>() { slot().take() } else { None };
        if insert
            && looks_first::<E, C>(db)
            && let Some(Linked(times)) = slot().take()
        {
            slot().put((times > 1).then_some(Linked(times - 1)));
            return Ok(row);
        }
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

/// A link that was there before it was inserted, as often as one nested save inserts it.
struct Linked(usize);

/// Whether a row is looked for before it is inserted: a link on a database without RETURNING, where a
/// nested save calls the hook after for links that were there, too.
fn looks_first<E: WebhookModel, C: ConnectionTrait>(db: &C) -> bool {
    E::JUNCTION && !db.support_returning()
}

fn announces<E: WebhookModel>(op: Op) -> bool {
    listens::<E>(op) && !is_suppressed()
}

async fn write<E: WebhookModel, C: ConnectionTrait>(change: Change<'_, E::Model>, db: &C) -> Result<(), DbErr> {
    let events = events::<E>(change)?;
    Ok(outbox::write(db, events).await?)
}
