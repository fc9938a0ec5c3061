//! Reads rows and locks them, so that no other transaction changes them before this one ends.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable, PrimaryKeyToColumn,
    QueryFilter, QuerySelect, Select, sea_query::Condition,
};

/// Reads and locks the row with the primary key of this `ActiveModel`; `None` if there is no such row or the
/// key isn't set.
pub(super) async fn read_one<A, C>(active_model: &A, db: &C) -> Result<Option<<A::Entity as EntityTrait>::Model>, DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let mut condition = Condition::all();
    for key in <A::Entity as EntityTrait>::PrimaryKey::iter() {
        let column = key.into_column();
        let Some(value) = active_model.get(column).into_value() else { return Ok(None) };
        condition = condition.add(column.eq(value));
    }
    Ok(read_all(A::Entity::find().filter(condition), db).await?.pop())
}

/// Reads and locks all selected rows.
pub(super) async fn read_all<E, C>(select: Select<E>, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    if db.get_database_backend() == DbBackend::Sqlite {
        // A transaction that reads first and writes later can't wait for another writer: it fails with
        // "database is locked" whatever the busy timeout is. An UPDATE that matches no row makes this
        // transaction the writer before it reads.
        db.execute_unprepared("UPDATE thorn_registry SET version = version WHERE 0").await?;
    }
    select.lock_exclusive().all(db).await
}
