//! An event as the log holds it.

use serde::Deserialize;

use super::cursor::Cursor;
use crate::{id::EventId, tables::log::event::Model, timestamp::Timestamp};

/// An event with its place in the log. It has no options and no subscribers: they never leave the server.
#[derive(Clone, Debug)]
pub(crate) struct LoggedEvent {
    pub(crate) cursor: Cursor,
    pub(crate) id: EventId,
    pub(crate) name: String,
    pub(crate) sender: Option<String>,
    pub(crate) broadcast: bool,
    /// Whether the event is one of thorn's own.
    pub(crate) internal: bool,
    pub(crate) body: String,
    pub(crate) created_at: Timestamp,
}

/// The part of the column `options` that says whether an event is thorn's own.
#[derive(Default, Deserialize)]
struct Own {
    #[serde(default)]
    own: bool,
}

impl LoggedEvent {
    /// The event of a numbered row. `None` if the row has no position.
    pub(super) fn of_row(row: Model) -> Option<Self> {
        let id = EventId::from_uuid(row.id);
        let options = row.options.as_deref().unwrap_or("{}");
        Some(Self {
            cursor: Cursor::of(row.position?, id),
            id,
            name: row.name,
            sender: row.sender,
            broadcast: row.broadcast,
            internal: serde_json::from_str::<Own>(options).unwrap_or_default().own,
            body: row.body,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}
