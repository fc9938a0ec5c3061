//! Raw events: bytes and a media type, kept as given from the call to the receiver's socket.

mod bytes;
mod filters;
mod receiving;
mod ways;
mod writing;

use thorn::event::{Event, RawBody};
use thorn_core::testing::Received;

/// A raw body. An empty media type is none.
fn raw(media_type: &str, bytes: impl Into<::bytes::Bytes>) -> RawBody {
    let media_type = Some(media_type.to_owned()).filter(|media_type| !media_type.is_empty());
    RawBody { media_type, bytes: bytes.into() }
}

/// An event to everybody.
fn event(name: &str) -> Event {
    Event::new(name).broadcast()
}

/// The requests of one event.
fn of<'a>(requests: &'a [Received], name: &str) -> Vec<&'a Received> {
    requests.iter().filter(|request| request.header("hook-event") == name).collect()
}
