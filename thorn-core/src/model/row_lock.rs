//! Reads rows as they are, so that nobody changes them until the transaction ends.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable, PrimaryKeyToColumn,
    QueryFilter, QuerySelect, Select, sea_query::Condition,
};

/// The row that an `ActiveModel` stands for.
pub(super) async fn row_of<A, C>(active_model: &A, db: &C) -> Result<Option<<A::Entity as EntityTrait>::Model>, DbErr>
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
    Ok(rows(A::Entity::find().filter(condition), db).await?.pop())
}

/// These rows, locked.
pub(super) async fn rows<E, C>(select: Select<E>, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    if db.get_database_backend() == DbBackend::Sqlite {
        // A transaction that reads first and writes later can't wait for another writer: it fails
        // with "database is locked" whatever the busy timeout. A write that touches no row makes it
        // the writer before it reads.
        db.execute_unprepared("UPDATE thorn_registry SET version = version WHERE 0").await?;
    }
    select.lock_exclusive().all(db).await
}
