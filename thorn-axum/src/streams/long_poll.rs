//! Long polls: the next events as one JSON object.

use std::time::Duration;

use axum::{
    body::Bytes,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use thorn_core::{
    Error,
    log::Cursor,
    stream::{Encoding, Reader, Step},
};
use tokio::time::{Instant, timeout_at};

use crate::http::NO_STORE;

/// Bytes of events after which a long poll ends.
const BYTES: usize = 1024 * 1024;

/// How long a poll looks for events in the past, so that one that finds none still moves on.
const LOOKING: Duration = Duration::from_secs(2);

/// The answer of a long poll.
pub(super) struct Polled {
    events: Vec<Bytes>,
    /// Everything up to here was looked at.
    pub(super) cursor: Cursor,
    /// Whether the caller should ask again without waiting.
    more: bool,
}

/// The events are missing from the log.
pub(super) struct Missing {
    pub(super) earliest: Cursor,
}

impl Polled {
    /// An answer without events.
    pub(super) const fn empty(cursor: Cursor) -> Self {
        Self { events: Vec::new(), cursor, more: false }
    }

    /// Reads up to `limit` events. Without any, waits this long for the first.
    pub(super) async fn read(
        reader: &mut Reader,
        limit: usize,
        wait: Duration,
    ) -> Result<Result<Self, Missing>, Error> {
        let began = Instant::now();
        let (mut events, mut bytes, mut is_caught_up) = (Vec::new(), 0, false);
        loop {
            let cursor = reader.cursor();
            if events.len() == limit || bytes >= BYTES {
                return Ok(Ok(Self { events, cursor, more: true }));
            }
            let deadline = match (is_caught_up, events.is_empty()) {
                (false, _) => began + wait.max(LOOKING),
                (true, true) => began + wait,
                // Takes the events that are there already, and no more.
                (true, false) => Instant::now(),
            };
            let Ok(step) = timeout_at(deadline, reader.step()).await else {
                return Ok(Ok(Self { events, cursor: reader.cursor(), more: !is_caught_up }));
            };
            match step? {
                Step::Event(frame) => {
                    let element = frame.bytes(Encoding::Element);
                    bytes += element.len();
                    events.push(element);
                }
                Step::CaughtUp if !events.is_empty() || wait.is_zero() => {
                    return Ok(Ok(Self { events, cursor: reader.cursor(), more: false }));
                }
                Step::CaughtUp => is_caught_up = true,
                Step::Gap(earliest) if events.is_empty() => return Ok(Err(Missing { earliest })),
                // The next poll learns of the gap.
                Step::Gap(_) => return Ok(Ok(Self { events, cursor, more: true })),
                Step::Closing => return Ok(Ok(Self { events, cursor, more: false })),
            }
        }
    }
}

impl IntoResponse for Polled {
    fn into_response(self) -> Response {
        let mut body = b"{\"events\":[".to_vec();
        for (at, event) in self.events.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            body.extend_from_slice(event);
        }
        body.extend_from_slice(format!("],\"cursor\":\"{}\",\"more\":{}}}", self.cursor, self.more).as_bytes());
        (StatusCode::OK, [NO_STORE], [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}
