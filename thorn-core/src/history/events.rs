//! Events as they are listed and read back.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Select, prelude::Uuid,
};

use crate::{
    error::Error,
    id::EventId,
    outbox::raw_bodies,
    rendered::RawBody,
    subscription::Access,
    tables::event::{Column, Entity},
    timestamp::Timestamp,
};

/// Events that a filtered page looks at. No index holds the events of one sender or name, so the bound keeps a page
/// cheap however many events of others lie between.
const WINDOW: u64 = 10_000;

/// An event without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSummary {
    /// The event's id.
    pub id: EventId,
    /// Its name.
    pub name: String,
    /// The sender's id.
    pub sender: Option<String>,
    /// Whether it goes to the matching subscriptions of every owner.
    pub broadcast: bool,
    /// When it happened.
    pub created_at: Timestamp,
    /// When it was fanned out to its deliveries.
    pub relayed_at: Option<Timestamp>,
}

/// The events that a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only events of this name.
    pub name: Option<String>,
    /// The page begins behind this event. `None` begins with the newest.
    pub after: Option<EventId>,
    /// The most events of the page.
    pub limit: u64,
}

/// A page of events, from the newest to the oldest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events. There may be fewer than the limit, or none, although there are more pages.
    pub events: Vec<EventSummary>,
    /// Begin the next page after this event; `None` if this page is the last.
    pub next: Option<EventId>,
}

/// The body that an event's deliveries have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// JSON with the event's name and its data.
    Enveloped(String),
    /// The bytes of a raw event.
    Raw(RawBody),
}

/// The columns of a summary. A body may be long, so a list doesn't read it.
#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    name: String,
    sender: Option<String>,
    broadcast: bool,
    created_at: i64,
    relayed_at: Option<i64>,
}

impl From<Row> for EventSummary {
    fn from(row: Row) -> Self {
        Self {
            id: EventId::from_uuid(row.id),
            name: row.name,
            sender: row.sender,
            broadcast: row.broadcast,
            created_at: Timestamp::from_millis(row.created_at),
            relayed_at: row.relayed_at.map(Timestamp::from_millis),
        }
    }
}

/// Events that the caller may see: an owner sees those that they sent.
pub(super) fn seen_by(access: Access<'_>) -> Condition {
    access.owner_id().map_or_else(Condition::all, |owner| Condition::all().add(Column::Sender.eq(owner)))
}

pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    access: Access<'_>,
    query: &EventQuery,
) -> Result<EventPage, Error> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX).min(1_000_000);
    let mut events = summaries().filter(seen_by(access)).order_by_desc(Column::Id);
    if let Some(name) = &query.name {
        events = events.filter(Column::Name.eq(name.as_str()));
    }
    if let Some(after) = query.after {
        events = events.filter(Column::Id.lt(after.as_uuid()));
    }
    let is_filtered = query.name.is_some() || access.owner_id().is_some();
    let end = if is_filtered { end_of_window(db, query.after).await? } else { None };
    if let Some(end) = end {
        events = events.filter(Column::Id.gte(end));
    }
    // One more tells whether there is a next page.
    let rows = events.limit(limit as u64 + 1).into_model::<Row>().all(db).await?;
    let is_full = rows.len() > limit;
    let events: Vec<_> = rows.into_iter().take(limit).map(EventSummary::from).collect();
    let next = if is_full { events.last().map(|event| event.id) } else { end.map(EventId::from_uuid) };
    Ok(EventPage { events, next })
}

/// The last event that a filtered page looks at, if there are so many.
async fn end_of_window<C: ConnectionTrait>(db: &C, after: Option<EventId>) -> Result<Option<Uuid>, Error> {
    let mut ids = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id);
    if let Some(after) = after {
        ids = ids.filter(Column::Id.lt(after.as_uuid()));
    }
    Ok(ids.offset(WINDOW - 1).limit(1).into_tuple().one(db).await?)
}

pub(super) async fn summary<C: ConnectionTrait>(
    db: &C,
    access: Access<'_>,
    id: EventId,
) -> Result<EventSummary, Error> {
    let row = summaries().filter(Column::Id.eq(id.as_uuid())).filter(seen_by(access)).into_model::<Row>().one(db);
    row.await?.map(EventSummary::from).ok_or_else(|| not_found(id))
}

/// The body that deliveries of the event have. An enveloped event has it as JSON.
pub(super) async fn body(db: &DatabaseConnection, access: Access<'_>, id: EventId) -> Result<EventBody, Error> {
    let body = Entity::find_by_id(id.as_uuid()).filter(seen_by(access)).select_only().column(Column::Body);
    let body: String = body.into_tuple().one(db).await?.ok_or_else(|| not_found(id))?;
    if !body.is_empty() {
        return Ok(EventBody::Enveloped(body));
    }
    raw_bodies(db, &[id]).await?.remove(&id).map(EventBody::Raw).ok_or_else(|| not_found(id))
}

fn summaries() -> Select<Entity> {
    Entity::find().select_only().columns([
        Column::Id,
        Column::Name,
        Column::Sender,
        Column::Broadcast,
        Column::CreatedAt,
        Column::RelayedAt,
    ])
}

pub(super) fn not_found(id: EventId) -> Error {
    Error::NotFound { what: "event", id: id.to_string() }
}
