//! Links that weren't there before a deletion, and may have come in its midst.
//!
//! Nothing locks a row that isn't there: between the look before and the statement another
//! transaction can insert it. A nested save hands the rows that were really deleted to the hook
//! after, as they came from the database. A plain deletion hands over what the hook before returned,
//! whatever was deleted, and so that is marked; the generated method leaves it at the look.

use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DbErr, EntityTrait, Iterable, PrimaryKeyToColumn, TryIntoModel,
};

use super::row_lock as locked;

/// Whether there is no such row. If there is, it stays until the transaction ends.
pub(super) async fn is_gone<A: ActiveModelTrait, C: ConnectionTrait>(row: &A, db: &C) -> Result<bool, DbErr> {
    Ok(row.get_primary_key_value().is_some() && locked::row_of(row, db).await?.is_none())
}

/// Marks a row that wasn't there: its key is not as it comes from the database.
pub(super) fn mark<A: ActiveModelTrait>(row: &mut A) {
    for key in <A::Entity as EntityTrait>::PrimaryKey::iter() {
        let column = key.into_column();
        if let Some(value) = row.get(column).into_value() {
            row.set(column, value);
        }
    }
}

/// The row, if it is a link as the database returned it.
pub(super) fn returned<A, C>(row: &A, db: &C) -> Option<<A::Entity as EntityTrait>::Model>
where
    A: ActiveModelTrait + TryIntoModel<<A::Entity as EntityTrait>::Model>,
    A::Entity: super::webhook_model::WebhookModel,
    C: ConnectionTrait,
{
    let mut columns = <A::Entity as EntityTrait>::Column::iter();
    let is_returned = <A::Entity as super::webhook_model::WebhookModel>::JUNCTION
        && db.support_returning()
        && columns.all(|column| matches!(row.get(column), ActiveValue::Unchanged(_)));
    if is_returned { row.clone().try_into_model().ok() } else { None }
}
