//! Updates that set no column, for which SeaORM sends no statement. They change nothing, so no event fires.

use sea_orm::{ActiveModelTrait, EntityTrait, Iterable, ModelTrait, PrimaryKeyToColumn};

use super::before_image::Slot;

/// The update of a row wrote nothing.
struct Unwritten;

/// Keeps for the hook after the update whether it sets no column.
pub(super) fn note<A: ActiveModelTrait, C>(active_model: &A, db: &C)
where
    <A::Entity as EntityTrait>::Model: 'static,
{
    let Some(key) = active_model.get_primary_key_value() else { return };
    type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;
    // SeaORM never sets the primary key.
    let is_key = |column| <A::Entity as EntityTrait>::PrimaryKey::from_column(column).is_some();
    let sets = |column: Column<A>| active_model.get(column).is_set() && !is_key(column);
    let unwritten = !Column::<A>::iter().any(sets);
    Slot::of::<<A::Entity as EntityTrait>::Model, C>(db, key).put(unwritten.then_some(Unwritten));
}

/// Whether the update of this row wrote nothing.
pub(super) fn take<M: ModelTrait + 'static, C>(row: &M, db: &C) -> bool {
    Slot::<Unwritten>::of::<M, C>(db, row.get_primary_key_value()).take().is_some()
}
