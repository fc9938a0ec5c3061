//! Event types in the database. An owner is the empty text for operators.

use std::ops::Range;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, sea_query::Expr,
};

use super::entry::{EventType, Listed};
use crate::{
    db::is_unique_violation,
    error::Error,
    name::check_event_name,
    spec::InvalidSubscription,
    tables::event_type::{ActiveModel, Column, Entity},
    timestamp::Timestamp,
};

/// The most event types of one owner, and of all operators together.
const MOST: u64 = 1000;

/// The maximum number of ids in one `IN (…)`.
const IDS_PER_QUERY: usize = 500;

fn of(owner: &str) -> Select<Entity> {
    Entity::find().filter(Column::Owner.eq(owner))
}

/// One event type by its id.
pub(crate) async fn find<C: ConnectionTrait>(db: &C, owner: &str, id: i64) -> Result<EventType, Error> {
    let row = of(owner).filter(Column::Id.eq(id)).one(db).await?;
    row.map(EventType::from).ok_or_else(|| not_found(&id.to_string()))
}

/// One event type by its name.
pub(crate) async fn find_named<C: ConnectionTrait>(db: &C, owner: &str, name: &str) -> Result<EventType, Error> {
    // PostgreSQL would refuse to look for a NUL.
    if check_event_name(name).is_err() {
        return Err(not_found(name));
    }
    let row = of(owner).filter(Column::Name.eq(name)).one(db).await?;
    row.map(EventType::from).ok_or_else(|| not_found(name))
}

/// The event types with these ids, as far as they exist, by id.
pub(crate) async fn find_all<C: ConnectionTrait>(db: &C, owner: &str, ids: &[i64]) -> Result<Vec<EventType>, Error> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_QUERY) {
        let rows = of(owner).filter(Column::Id.is_in(ids.iter().copied())).all(db).await?;
        found.extend(rows.into_iter().map(EventType::from));
    }
    found.sort_unstable_by_key(|found| found.id);
    Ok(found)
}

/// A part of the owner's event types, by name.
pub(crate) async fn list<C: ConnectionTrait>(
    db: &C,
    owner: &str,
    part: Range<u64>,
) -> Result<Listed<EventType>, Error> {
    let count = of(owner).count(db).await?;
    let limit = part.end.saturating_sub(part.start);
    let rows = of(owner).order_by_asc(Column::Name).offset(part.start).limit(limit).all(db).await?;
    Ok(Listed { items: rows.into_iter().map(EventType::from).collect(), count })
}

/// Declares an event type. The name was checked.
pub(crate) async fn insert<C: ConnectionTrait>(db: &C, owner: &str, name: &str) -> Result<EventType, Error> {
    if of(owner).count(db).await? >= MOST {
        return Err(InvalidSubscription::too_many("events", MOST).into());
    }
    let created_at = Timestamp::now();
    let row = ActiveModel {
        owner: Set(owner.to_owned()),
        name: Set(name.to_owned()),
        created_at: Set(created_at.as_millis()),
        ..Default::default()
    };
    let inserted = Entity::insert(row).exec(db).await.map_err(|error| refused(error, name))?;
    Ok(EventType { id: inserted.last_insert_id, name: name.to_owned(), created_at })
}

/// Gives an event type another name, which was checked.
pub(crate) async fn rename<C: ConnectionTrait>(db: &C, id: i64, name: &str) -> Result<(), Error> {
    let renamed = Entity::update_many().col_expr(Column::Name, Expr::value(name)).filter(Column::Id.eq(id));
    renamed.exec(db).await.map_err(|error| refused(error, name))?;
    Ok(())
}

pub(crate) async fn delete<C: ConnectionTrait>(db: &C, id: i64) -> Result<(), Error> {
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

fn not_found(id: &str) -> Error {
    Error::NotFound { what: "event type", id: id.to_owned() }
}

/// Only names are unique besides generated ids.
fn refused(error: DbErr, name: &str) -> Error {
    if is_unique_violation(&error) { InvalidSubscription::taken("an event", name).into() } else { error.into() }
}
