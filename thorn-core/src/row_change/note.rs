//! Reads and deletes notes.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, LockBehavior, LockType},
};

use super::trigger::now;
use crate::tables::row_change::{Column, Entity, Model};

/// Reads the oldest notes that are at least so many milliseconds old, without those of some tables. Locks them where
/// the database can.
pub(crate) async fn read_notes<C: ConnectionTrait>(
    db: &C,
    except: &[&str],
    min_age_ms: i64,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let backend = db.get_database_backend();
    let mut query = Entity::find()
        .filter(Expr::col(Column::NotedAt).lte(Expr::cust(format!("{} - {min_age_ms}", now(backend)))))
        .filter(Column::TableName.is_not_in(except.iter().copied()))
        .order_by_asc(Column::Id)
        .limit(limit);
    if backend != DbBackend::Sqlite {
        query = query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    query.all(db).await
}

/// Deletes notes. Returns how many there were.
pub(crate) async fn delete_notes<C: ConnectionTrait>(db: &C, ids: &[i64]) -> Result<u64, DbErr> {
    let delete = Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied()));
    Ok(delete.exec(db).await?.rows_affected)
}

/// Deletes all notes of a table.
pub(crate) async fn delete_notes_of<C: ConnectionTrait>(db: &C, label: &str) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::TableName.eq(label)).exec(db).await.map(drop)
}
