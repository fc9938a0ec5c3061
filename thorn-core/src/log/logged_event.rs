//! An event as the log holds it.

use super::cursor::Cursor;
use crate::{
    id::EventId,
    rendered::{EventOptions, RawBody, RawHead},
    tables::log::event::Model,
    timestamp::Timestamp,
};

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
    /// The envelope. Empty for a raw event.
    pub(crate) body: String,
    pub(crate) raw: Option<Raw>,
    pub(crate) created_at: Timestamp,
}

/// The content of a raw event, which has no envelope.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) head: RawHead,
    /// `None` until it is read.
    pub(crate) body: Option<RawBody>,
}

impl LoggedEvent {
    /// The event of a numbered row. `None` if the row has no position.
    pub(super) fn of_row(row: Model) -> Option<Self> {
        let id = EventId::from_uuid(row.id);
        let options = row.options.as_deref().map(EventOptions::of_stored).unwrap_or_default();
        Some(Self {
            cursor: Cursor::of(row.position?, id),
            id,
            name: row.name,
            sender: row.sender,
            broadcast: row.broadcast,
            internal: options.internal,
            raw: options.raw.filter(|_| row.body.is_empty()).map(|head| Raw { head: *head, body: None }),
            body: row.body,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }

    /// The number of bytes of the body.
    pub(crate) fn size(&self) -> usize {
        self.raw.as_ref().map_or(self.body.len(), |raw| raw.head.size)
    }
}
