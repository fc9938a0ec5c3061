//! Links that another transaction may insert between our read and the DELETE.
//!
//! A row that doesn't exist can't be locked, so it may appear after the hook has looked for it. Two callers
//! need two answers:
//!
//! - A nested save hands the hook after the DELETE the rows that the database returned. They are deleted links.
//! - A plain deletion hands that hook what the hook before returned, whether or not a row was deleted. The
//!   hook before therefore marks a missing row. The generated `delete` doesn't run the DELETE at all.

use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DbErr, EntityTrait, Iterable, PrimaryKeyToColumn, TryIntoModel,
};

use super::{row_lock, webhook_model::WebhookModel};

/// Whether the row with this key doesn't exist. If it exists, it is locked until the transaction ends.
pub(super) async fn is_missing<A: ActiveModelTrait, C: ConnectionTrait>(row: &A, db: &C) -> Result<bool, DbErr> {
    Ok(row.get_primary_key_value().is_some() && row_lock::read_one(row, db).await?.is_none())
}

/// Marks a missing row: its key becomes `Set`, while a row from the database has an `Unchanged` one.
pub(super) fn mark_missing<A: ActiveModelTrait>(row: &mut A) {
    for key in <A::Entity as EntityTrait>::PrimaryKey::iter() {
        let column = key.into_column();
        if let Some(value) = row.get(column).into_value() {
            row.set(column, value);
        }
    }
}

/// The deleted link, if this is a junction's row that the database returned.
pub(super) fn returned_link<A, C>(row: &A, db: &C) -> Option<<A::Entity as EntityTrait>::Model>
where
    A: ActiveModelTrait + TryIntoModel<<A::Entity as EntityTrait>::Model>,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    let mut columns = <A::Entity as EntityTrait>::Column::iter();
    let is_returned = A::Entity::JUNCTION
        && db.support_returning()
        && columns.all(|column| matches!(row.get(column), ActiveValue::Unchanged(_)));
    if is_returned { row.clone().try_into_model().ok() } else { None }
}
