//! Reads the log in pages, never more at once than fits into memory.

use futures::TryStreamExt as _;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::{
    bounds::{Bounds, bounds},
    cursor::Cursor,
    logged_event::LoggedEvent,
};
use crate::{
    error::Error,
    id::EventId,
    outbox::raw_bodies,
    tables::log::event::{Column, Entity},
};

/// The most events of one page.
const PAGE: u64 = 200;

/// Rows that the queries of a page ask for, one after the other. A server sends all rows of a query, also those behind
/// the end of the page, so the first query asks for few: events may be large.
const QUERIES: [u64; 2] = [16, PAGE - 16];

/// A page ends with the event that brings it to this many bytes. A reader that stalls keeps no more than a page.
const BYTES: usize = 64 * 1024;

/// Events that follow one another in the log.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) events: Vec<LoggedEvent>,
    /// Whether the page reached the end of the log.
    pub(crate) at_end: bool,
    /// Where reading can begin instead, if events that belong on this page are deleted.
    pub(crate) gap: Option<Cursor>,
}

/// The events after a position, the lowest position first.
pub(crate) async fn page_after(db: &DatabaseConnection, position: i64) -> Result<Page, Error> {
    let query = Entity::find().filter(Column::Position.gt(position)).order_by_asc(Column::Position);
    let (events, at_end) = read(db, query).await?;
    // Asked for after the events: as nothing after `position` is deleted now, nothing of the page was.
    let Bounds { earliest, .. } = bounds(db).await?;
    let gap = (earliest.position > position).then_some(earliest);
    Ok(Page { events, at_end, gap })
}

/// The events up to a position, the highest position first.
pub(crate) async fn page_before(db: &DatabaseConnection, position: i64) -> Result<Vec<LoggedEvent>, Error> {
    let query = Entity::find().filter(Column::Position.lte(position)).order_by_desc(Column::Position);
    Ok(read(db, query).await?.0)
}

/// Reads a page, and whether there was nothing more to read.
async fn read(db: &DatabaseConnection, query: Select<Entity>) -> Result<(Vec<LoggedEvent>, bool), Error> {
    // Lets PostgreSQL and SQLite use the partial index: they don't know that the bound position is at least 0.
    let query = query.filter(sea_orm::sea_query::Expr::cust("position > 0"));
    let (mut events, mut bytes, mut read) = (Vec::new(), 0, 0);
    let mut at_end = false;
    for limit in QUERIES {
        // Rows that are deleted in between make a gap, which the caller looks for.
        let mut rows = query.clone().offset(read).limit(limit).stream(db).await?;
        let before = read;
        while let Some(row) = rows.try_next().await? {
            read += 1;
            let event = LoggedEvent::of_row(row);
            bytes += event.as_ref().map_or(0, LoggedEvent::size);
            events.extend(event);
            if bytes >= BYTES {
                break;
            }
        }
        at_end = bytes < BYTES && read - before < limit;
        if at_end || bytes >= BYTES {
            break;
        }
    }
    read_raw_bodies(db, &mut events).await?;
    Ok((events, at_end))
}

/// Adds the bodies of raw events, which are in a table of their own. The body of an event that was deleted in the meantime
/// stays away; its reader then learns of a gap.
async fn read_raw_bodies(db: &DatabaseConnection, events: &mut [LoggedEvent]) -> Result<(), Error> {
    let raw: Vec<EventId> = events.iter().filter(|event| event.raw.is_some()).map(|event| event.id).collect();
    let mut bodies = raw_bodies(db, &raw).await?;
    for event in events {
        if let Some(raw) = &mut event.raw {
            raw.body = bodies.remove(&event.id);
        }
    }
    Ok(())
}
