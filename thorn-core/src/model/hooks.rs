//! The hooks of SeaORM, as the generated `ActiveModelBehavior` calls them.

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, ModelTrait, TryIntoModel};

use super::{
    announce::{announce_row, is_announced, mark_seen},
    autocommit,
    before_image::Slot,
    change::{Change, Op},
    deletion_race,
    junction::{lock_owners_of, nested_save, values_of},
    link_rows::LinkRows,
    row_lock, unwritten,
    webhook_model::{WebhookModel, needs_old_row},
};

type Model<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

/// Runs before an insert or update: refuses one outside a transaction, and reads what the hook after it needs.
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
    if A::Entity::JUNCTION {
        nested_save::begin::<A::Entity, C>(db);
    }
    if !is_announced::<A::Entity>(if insert { Op::Create } else { Op::Change }) {
        return Ok(active_model);
    }
    autocommit::check::<A::Entity, C>(db)?;
    if insert {
        if looks_for_existing_links::<A::Entity, C>(db) {
            lock_owners_of::<A::Entity, C>(|| vec![values_of(&active_model)], db).await?;
            keep_existing_link(&active_model, db).await?;
        }
    } else {
        unwritten::note(&active_model, db);
        if needs_old_row::<A::Entity>() {
            keep_before_image(&active_model, db).await?;
        }
    }
    Ok(active_model)
}

/// Runs after an insert or update: writes its events.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered.
pub async fn after_save<E, C>(row: E::Model, db: &C, insert: bool) -> Result<E::Model, DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let op = if insert { Op::Create } else { Op::Change };
    announce_saved::<E, C>(op, &row, db).await?;
    mark_seen::<E, C>(op, || vec![row.get_primary_key_value()], db).await?;
    Ok(row)
}

async fn announce_saved<E, C>(op: Op, row: &E::Model, db: &C) -> Result<(), DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let insert = op == Op::Create;
    if !is_announced::<E>(op) || (insert && existed_before::<E, C>(row, db)) {
        return Ok(());
    }
    let old = if !insert && needs_old_row::<E>() {
        Slot::<E::Model>::of::<E::Model, C>(db, row.get_primary_key_value()).take()
    } else {
        None
    };
    if !insert && unwritten::take::<E::Model, C>(row, db) {
        return Ok(());
    }
    announce_row::<E, C>(Change { op, old: old.as_ref(), new: row }, db).await?;
    if insert || old.is_some() {
        let links = LinkRows::part_of_save(old.as_slice(), std::slice::from_ref(row));
        E::announce_links(links, db).await?;
    }
    Ok(())
}

/// Runs before a deletion: refuses one outside a transaction, and reads the row while it exists.
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
        nested_save::begin::<A::Entity, C>(db);
    }
    if is_announced::<A::Entity>(Op::Delete) {
        autocommit::check::<A::Entity, C>(db)?;
        let is_missing = keep_before_image(&active_model, db).await?;
        if A::Entity::JUNCTION && is_missing {
            deletion_race::mark_missing(&mut active_model);
        }
    }
    Ok(active_model)
}

/// Runs after a deletion: writes its events if a row was deleted.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered.
pub async fn after_delete<A, C>(active_model: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelTrait + TryIntoModel<Model<A>>,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    let Some(key) = active_model.get_primary_key_value() else { return Ok(active_model) };
    if is_announced::<A::Entity>(Op::Delete)
        && let Some(row) = Slot::<Model<A>>::of::<Model<A>, C>(db, key.clone())
            .take()
            .or_else(|| deletion_race::returned_link::<A, C>(&active_model, db))
    {
        announce_row::<A::Entity, C>(Change { op: Op::Delete, old: None, new: &row }, db).await?;
        A::Entity::announce_links(LinkRows::part_of_save(std::slice::from_ref(&row), &[]), db).await?;
    }
    mark_seen::<A::Entity, C>(Op::Delete, || vec![key], db).await?;
    Ok(active_model)
}

/// Keeps the row as it is for the hook after the operation. Returns whether there is no row with its key.
async fn keep_before_image<A, C>(active_model: &A, db: &C) -> Result<bool, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    let Some(key) = active_model.get_primary_key_value() else { return Ok(false) };
    let row = row_lock::read_one(active_model, db).await?;
    let is_missing = row.is_none();
    Slot::<Model<A>>::of::<Model<A>, C>(db, key).put(row);
    Ok(is_missing)
}

/// How often one nested save inserts a link that existed before.
struct ExistingLink {
    inserts: usize,
}

/// Whether links are looked for before they are inserted. Without RETURNING, a nested save also calls the hook
/// after for links that existed before.
fn looks_for_existing_links<E: WebhookModel, C: ConnectionTrait>(db: &C) -> bool {
    E::JUNCTION && !db.support_returning()
}

/// Keeps for the hook after the insert whether the link exists already.
async fn keep_existing_link<A, C>(active_model: &A, db: &C) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    let Some(key) = active_model.get_primary_key_value() else { return Ok(()) };
    let row = row_lock::read_one(active_model, db).await?;
    let slot = |key| Slot::<ExistingLink>::of::<Model<A>, C>(db, key);
    let inserts = slot(key.clone()).take().map_or(0, |link| link.inserts);
    slot(key).put(row.map(|_| ExistingLink { inserts: inserts + 1 }));
    Ok(())
}

/// Whether the hook before the insert found this link, so that it isn't new.
fn existed_before<E: WebhookModel, C: ConnectionTrait>(row: &E::Model, db: &C) -> bool {
    if !looks_for_existing_links::<E, C>(db) {
        return false;
    }
    let slot = || Slot::<ExistingLink>::of::<E::Model, C>(db, row.get_primary_key_value());
    let Some(ExistingLink { inserts }) = slot().take() else { return false };
    slot().put((inserts > 1).then(|| ExistingLink { inserts: inserts - 1 }));
    true
}
