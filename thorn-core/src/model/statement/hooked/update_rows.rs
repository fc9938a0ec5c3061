//! How an UPDATE of some rows runs between their own hooks.
//!
//! `before_save` needs the new values, but many hooks read their row from the database to compare it with the old
//! values. So the statement is rehearsed: it runs behind a savepoint, which tells the new values, and is rolled back.
//! The hooks run, and then the statement runs again.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable, ModelTrait,
    PrimaryKeyToColumn, Update, sea_query::ValueTuple,
};

use super::refusal::{keep_key, row_without_hook};
use crate::model::{
    announce::{Written, mark_seen},
    change::Op,
    hooked_behavior::HookedBehavior,
    statement::update_many::{update_rows, value_of},
    webhook_model::WebhookModel,
};

/// A column, and whether the statement updates it.
type Column<E> = (<E as EntityTrait>::Column, bool);

/// Updates these rows, which are locked, and runs the hooks. Returns the rows in the same order.
pub(super) async fn update_with_hooks<E, C>(
    update: &sea_orm::UpdateMany<E>,
    old: Vec<E::Model>,
    db: &C,
) -> Result<Vec<Written<E::Model>>, DbErr>
where
    E: WebhookModel,
    E::ActiveModel: HookedBehavior,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    let columns: Vec<Column<E>> =
        E::Column::iter().map(|column| (column, value_of(update, column).is_some())).collect();
    let mut planned = by_old_key::<E>(rehearsed(update, old.clone(), db).await?)?;
    let mut rows = Vec::with_capacity(old.len());
    for old in &old {
        let key = old.get_primary_key_value();
        let Some(Written { new, .. }) = planned.remove(&key) else { continue };
        let mut row: E::ActiveModel = old.clone().into_active_model();
        for (column, _) in columns.iter().filter(|(_, is_updated)| *is_updated) {
            row.try_set(*column, new.get(*column))?;
        }
        let row = HookedBehavior::before_save(row, db, false).await?;
        keep_key("before_save", &row, &new.get_primary_key_value())?;
        rows.push((key, row));
    }
    let mut written = by_old_key::<E>(update_rows(update, old, db).await?)?;
    let mut saved = Vec::with_capacity(rows.len());
    for (key, row) in rows {
        // As SeaORM, if a hook deleted the row.
        let mut this = written.remove(&key).ok_or(DbErr::RecordNotUpdated)?;
        if let Some(rest) = rest_of::<E>(&row, &this, &columns)? {
            this.new = write::<E, C>(rest, db).await?;
        }
        this.new = <E::ActiveModel as HookedBehavior>::after_save(this.new, db, false).await?;
        saved.push(this);
    }
    if written.is_empty() { Ok(saved) } else { Err(row_without_hook::<E>()) }
}

/// Runs an update to see what it writes, and takes it back.
async fn rehearsed<E, C>(
    update: &sea_orm::UpdateMany<E>,
    old: Vec<E::Model>,
    db: &C,
) -> Result<Vec<Written<E::Model>>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    db.execute_unprepared("SAVEPOINT thorn_rehearsal").await?;
    let written = update_rows(update, old, db).await?;
    db.execute_unprepared("ROLLBACK TO SAVEPOINT thorn_rehearsal").await?;
    db.execute_unprepared("RELEASE SAVEPOINT thorn_rehearsal").await?;
    Ok(written)
}

fn by_old_key<E: EntityTrait>(rows: Vec<Written<E::Model>>) -> Result<HashMap<ValueTuple, Written<E::Model>>, DbErr> {
    let with_key = |row: Written<E::Model>| {
        let old = row.old.as_ref().ok_or_else(row_without_hook::<E>)?;
        Ok((old.get_primary_key_value(), row))
    };
    rows.into_iter().map(with_key).collect()
}

/// The columns in which the row differs from what a save of the `ActiveModel` would have left.
fn rest_of<E: EntityTrait>(
    row: &E::ActiveModel,
    written: &Written<E::Model>,
    columns: &[Column<E>],
) -> Result<Option<E::ActiveModel>, DbErr> {
    let mut rest = <E::ActiveModel as ActiveModelTrait>::default();
    let mut differs = false;
    for (column, is_updated) in
        columns.iter().copied().filter(|(column, _)| E::PrimaryKey::from_column(*column).is_none())
    {
        let wanted = match row.get(column) {
            ActiveValue::Set(value) => Some(value),
            // A save writes only what is `Set`.
            _ if is_updated => written.old.as_ref().map(|old| old.get(column)),
            _ => None,
        };
        if let Some(wanted) = wanted
            && wanted != written.new.get(column)
        {
            rest.try_set(column, wanted)?;
            differs = true;
        }
    }
    for key in E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column) {
        rest.try_set(key, written.new.get(key))?;
    }
    Ok(differs.then_some(rest))
}

async fn write<E, C>(rest: E::ActiveModel, db: &C) -> Result<E::Model, DbErr>
where
    E: WebhookModel,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    let row = Update::one(rest).exec(db).await?;
    // A watched table has a note for this statement, too. The event covers both statements.
    mark_seen::<E, C>(Op::Change, || vec![row.get_primary_key_value()], db).await?;
    Ok(row)
}
