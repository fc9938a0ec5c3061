//! The row of an event in `thorn_event`.

use sea_orm::{Value, prelude::Uuid};

use super::sql::COLUMNS;
use crate::{
    dispatch::Dispatch,
    error::Error,
    outbox::{payload::media_type_column, stored_event::options_column},
    process,
    rendered::RenderedEvent,
    signing::SecretKey,
    timestamp::Timestamp,
};

/// An event with the column values of its row.
pub(super) struct Row {
    pub(super) event: RenderedEvent,
    options: Option<String>,
    /// The start and the end of the hold for inline delivery.
    held: Option<(Timestamp, Timestamp)>,
    dispatcher: Option<String>,
    media_type: Option<String>,
}

impl Row {
    pub(super) fn new(event: RenderedEvent, key: Option<&SecretKey>) -> Result<Self, Error> {
        let options = options_column(&event, key)?;
        let held = if event.dispatch == Dispatch::Inline { hold(&event) } else { None };
        let dispatcher = match &event.dispatch {
            Dispatch::Custom(name) => Some(name.clone().into_owned()),
            _ => None,
        };
        let media_type = media_type_column(event.raw.as_ref());
        tracing::debug!(event.id = %event.id, event.name, "event written to the outbox");
        Ok(Self { event, options, held, dispatcher, media_type })
    }

    /// Whether the row has a value in a column that is null for most events.
    pub(super) const fn is_rare(&self) -> bool {
        self.options.is_some() || self.held.is_some() || self.dispatcher.is_some() || self.media_type.is_some()
    }

    /// The size of the parts that may be long, in bytes. The limit leaves room for the rest.
    pub(super) fn bytes(&self) -> usize {
        self.event.body.len() + self.options.as_ref().map_or(0, String::len)
    }

    /// The values in the order of [`COLUMNS`].
    pub(super) fn values(self) -> [Value; COLUMNS.len()] {
        let Self { event, options, held, dispatcher, media_type } = self;
        [
            event.id.as_uuid().into(),
            event.name.into(),
            event.sender.into(),
            event.broadcast.into(),
            event.body.into(),
            event.created_at.as_millis().into(),
            options.into(),
            held.map(|(now, _)| now.as_millis()).into(),
            held.map(|(_, until)| until.as_millis()).into(),
            dispatcher.into(),
            media_type.into(),
        ]
    }
}

/// Nulls in place of a missing row. They have the types that a statement is prepared with.
pub(super) fn absent() -> [Value; COLUMNS.len()] {
    let (text, number) = (Value::from(None::<String>), Value::from(None::<i64>));
    [
        None::<Uuid>.into(),
        text.clone(),
        text.clone(),
        None::<bool>.into(),
        text.clone(),
        number.clone(),
        text.clone(),
        number.clone(),
        number,
        text.clone(),
        text,
    ]
}

/// The start and the end of an event's hold for inline delivery. `None` leaves the event to the queue.
fn hold(event: &RenderedEvent) -> Option<(Timestamp, Timestamp)> {
    let Some(time) = process::inline_hold() else {
        tracing::warn!(event.name, "no `Thorn` is there to deliver the event inline; it goes by the queue");
        return None;
    };
    if !process::collect(event.id) {
        tracing::debug!(event.name, "inside a transaction of the caller's; the event goes by the queue");
        return None;
    }
    let now = Timestamp::now();
    Some((now, now + time))
}
