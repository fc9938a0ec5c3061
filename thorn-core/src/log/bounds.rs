//! How far the log reaches, and whether a cursor belongs to it.

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Value, prelude::Uuid};

use super::cursor::{Check, Cursor};
use crate::{db::statement, error::Error, id::EventId, tables::log};

/// The ends of the log at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The last place: everything committed and numbered so far.
    pub(crate) last: Cursor,
    /// The first place: every event after it is still there.
    pub(crate) earliest: Cursor,
}

/// The result of looking a cursor up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Located {
    /// Every event after the cursor is there.
    Found,
    /// Events after the cursor are deleted, or the cursor comes from another log.
    Gone {
        /// Where reading can begin instead.
        earliest: Cursor,
    },
}

#[derive(FromQueryResult)]
struct Row {
    last_position: i64,
    complete_from: i64,
    check_before: String,
    /// The event at the position that was asked for.
    event: Option<Uuid>,
}

// `e.position > 0` lets PostgreSQL and SQLite use the partial index.
const SQL: &str = "SELECT l.last_position, l.complete_from, l.check_before, e.id AS event FROM thorn_log AS l \
                   LEFT JOIN thorn_event AS e ON e.position > 0 AND e.position = ";

/// The ends of the log.
pub(crate) async fn bounds<C: ConnectionTrait>(db: &C) -> Result<Bounds, Error> {
    let row = read(db, "l.last_position", []).await?;
    let earliest = row.earliest()?;
    // Without its event, the last place is the one before everything that is still there.
    let check = row.event.map_or(earliest.check, |id| Check::of(EventId::from_uuid(id)));
    Ok(Bounds { last: Cursor { position: row.last_position, check }, earliest })
}

/// Whether every event after the cursor is there.
pub(crate) async fn locate<C: ConnectionTrait>(db: &C, cursor: Cursor) -> Result<Located, Error> {
    let row = read(db, "?", [cursor.position.into()]).await?;
    let earliest = row.earliest()?;
    let event = row.event.map(|id| Check::of(EventId::from_uuid(id)));
    let is_good = cursor == earliest || cursor.position > earliest.position && event == Some(cursor.check);
    Ok(if is_good { Located::Found } else { Located::Gone { earliest } })
}

async fn read<C: ConnectionTrait>(
    db: &C,
    position: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Row, Error> {
    let sql = format!("{SQL}{position} WHERE l.id = 1");
    let row = Row::find_by_statement(statement(db.get_database_backend(), &sql, values)).one(db).await?;
    row.ok_or_else(is_off)
}

impl Row {
    fn earliest(&self) -> Result<Cursor, Error> {
        earliest(self.complete_from, &self.check_before)
    }
}

/// The place before `complete_from`.
pub(super) fn earliest(complete_from: i64, check_before: &str) -> Result<Cursor, Error> {
    let unreadable = |error| DbErr::Type(format!("thorn_log.check_before is `{check_before}`: {error}"));
    Ok(Cursor { position: complete_from - 1, check: check_before.parse().map_err(unreadable)? })
}

/// Whether the log is switched on in this database.
pub(crate) async fn is_on<C: ConnectionTrait>(db: &C) -> Result<bool, Error> {
    use sea_orm::EntityTrait;

    Ok(log::Entity::find_by_id(1).one(db).await?.is_some())
}

/// The error for a database whose log isn't switched on.
fn is_off() -> Error {
    let message = "the log of this database isn't switched on; build a `Thorn` with `.event_log(true)`";
    Error::Database(DbErr::Custom(message.to_owned()))
}
