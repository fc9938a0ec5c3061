//! Events in the form in which they leave. All streams of a process share a frame.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::log::{Cursor, LoggedEvent, record};

/// How a stream writes its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Server-sent events without a name, so that `onmessage` of a browser's `EventSource` gets them.
    Sse,
    /// Server-sent events with the event's name as `event:`.
    NamedSse,
    /// One line of JSON.
    Lines,
    /// One line of JSON after a line with its length in bytes, the newline included.
    Delimited,
    /// JSON without a newline, as an element of a list.
    Element,
}

/// The number of encodings besides the plain element.
const ENCODINGS: usize = 4;

/// An event of the log, encoded at most once in each way.
#[derive(Debug)]
pub struct Frame {
    pub(super) event: LoggedEvent,
    record: OnceLock<Bytes>,
    encoded: [OnceLock<Bytes>; ENCODINGS],
}

impl Frame {
    pub(super) fn new(event: LoggedEvent) -> Self {
        Self { event, record: OnceLock::new(), encoded: Default::default() }
    }

    /// The event's place in the log.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.event.cursor
    }

    /// The event's bytes in this encoding. Clones share them.
    #[must_use]
    pub fn bytes(&self, encoding: Encoding) -> Bytes {
        if encoding == Encoding::Element {
            return self.record().clone();
        }
        self.encoded[encoding as usize].get_or_init(|| self.encode(encoding)).clone()
    }

    /// About how many bytes the frame takes in a queue.
    pub(super) fn size(&self) -> usize {
        self.event.size() + self.event.name.len()
    }

    fn record(&self) -> &Bytes {
        self.record.get_or_init(|| record(&self.event).into())
    }

    fn encode(&self, encoding: Encoding) -> Bytes {
        let record = self.record();
        let mut bytes = Vec::with_capacity(record.len() + 48);
        match encoding {
            Encoding::Sse | Encoding::NamedSse => {
                bytes.extend_from_slice(format!("id: {}\n", self.cursor()).as_bytes());
                if encoding == Encoding::NamedSse {
                    bytes.extend_from_slice(format!("event: {}\n", self.event.name).as_bytes());
                }
                bytes.extend_from_slice(b"data: ");
                bytes.extend_from_slice(record);
                bytes.extend_from_slice(b"\n\n");
            }
            Encoding::Delimited => {
                bytes.extend_from_slice(format!("{}\n", record.len() + 1).as_bytes());
                bytes.extend_from_slice(record);
                bytes.push(b'\n');
            }
            Encoding::Lines | Encoding::Element => {
                bytes.extend_from_slice(record);
                bytes.push(b'\n');
            }
        }
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::Timestamp;

    #[test]
    fn st2_st7_a_frame_is_encoded_once_for_each_format() {
        let id = "018f3c2a-0000-7000-8000-00009f3a00c7".parse().unwrap();
        let frame = Frame::new(LoggedEvent {
            cursor: Cursor::of(7, id),
            id,
            name: "a.b".into(),
            sender: None,
            broadcast: true,
            internal: false,
            body: r#"{"event":"a.b","ref":null,"sender":null,"data":1}"#.into(),
            raw: None,
            created_at: Timestamp::from_millis(0),
        });
        let element = String::from_utf8(frame.bytes(Encoding::Element).to_vec()).unwrap();
        let text = |encoding| String::from_utf8(frame.bytes(encoding).to_vec()).unwrap();
        assert_eq!(text(Encoding::Sse), format!("id: 7-9f3a00c7\ndata: {element}\n\n"));
        assert_eq!(text(Encoding::NamedSse), format!("id: 7-9f3a00c7\nevent: a.b\ndata: {element}\n\n"));
        assert_eq!(text(Encoding::Lines), format!("{element}\n"));
        assert_eq!(text(Encoding::Delimited), format!("{}\n{element}\n", element.len() + 1));
        assert_eq!(frame.bytes(Encoding::Sse).as_ptr(), frame.bytes(Encoding::Sse).as_ptr());
    }
}
