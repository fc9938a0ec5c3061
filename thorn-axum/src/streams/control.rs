//! Frames that aren't events: they have no id, so a client's last id is always that of an event or a checkpoint.

use axum::body::Bytes;
use serde_json::{Value, json};
use thorn_core::{log::Cursor, stream::Encoding};

/// The frames of a stream besides its events.
#[derive(Clone, Copy, Debug)]
pub(super) enum Control {
    /// The first bytes. A browser that loses the stream comes back after so many milliseconds.
    Hello { retry: u32 },
    /// A byte in time, so that nobody takes the connection for dead.
    Heartbeat,
    /// How far the stream has looked.
    Checkpoint(Cursor),
    /// Events are missing, and the stream goes on from here.
    Gap { earliest: Cursor },
    /// The server ends the stream.
    Bye { reason: &'static str },
}

impl Control {
    /// The frame's bytes in the encoding of the stream. Empty if the encoding has no such frame.
    pub(super) fn bytes(self, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Sse | Encoding::NamedSse => self.sse().into(),
            Encoding::Delimited => self
                .line()
                .map_or_else(String::new, |line| match line.len() {
                    1 => line,
                    length => format!("{length}\n{line}"),
                })
                .into(),
            Encoding::Lines | Encoding::Element => self.line().unwrap_or_default().into(),
        }
    }

    fn sse(self) -> String {
        match self {
            // Without a blank line: some clients take a block without data for an event.
            Self::Hello { retry } => format!(":\nretry: {retry}\n"),
            Self::Heartbeat => ":\n".to_owned(),
            Self::Checkpoint(cursor) => format!("id: {cursor}\n\n"),
            Self::Gap { earliest } => named("gap", &json!({ "earliest": earliest.to_string() })),
            Self::Bye { reason } => named("bye", &json!({ "reason": reason })),
        }
    }

    fn line(self) -> Option<String> {
        let line = match self {
            Self::Hello { .. } => return None,
            Self::Heartbeat => String::new(),
            Self::Checkpoint(cursor) => json!({ "control": "checkpoint", "cursor": cursor.to_string() }).to_string(),
            Self::Gap { earliest } => json!({ "control": "gap", "earliest": earliest.to_string() }).to_string(),
            Self::Bye { reason } => json!({ "control": "bye", "reason": reason }).to_string(),
        };
        Some(line + "\n")
    }
}

fn named(name: &str, data: &Value) -> String {
    format!("event: thorn.{name}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st4_st5_control_frames_have_no_id_except_a_checkpoint() {
        let cursor: Cursor = "7-0000000a".parse().unwrap();
        let bye = Control::Bye { reason: "x" };
        let all = |encoding| {
            [
                Control::Hello { retry: 1 },
                Control::Heartbeat,
                Control::Checkpoint(cursor),
                Control::Gap { earliest: cursor },
                bye,
            ]
            .map(|control| String::from_utf8(control.bytes(encoding).to_vec()).unwrap())
        };
        assert_eq!(
            all(Encoding::Sse),
            [
                ":\nretry: 1\n",
                ":\n",
                "id: 7-0000000a\n\n",
                "event: thorn.gap\ndata: {\"earliest\":\"7-0000000a\"}\n\n",
                "event: thorn.bye\ndata: {\"reason\":\"x\"}\n\n",
            ]
        );
        let bye = "{\"control\":\"bye\",\"reason\":\"x\"}\n";
        let gap = "{\"control\":\"gap\",\"earliest\":\"7-0000000a\"}\n";
        let checkpoint = "{\"control\":\"checkpoint\",\"cursor\":\"7-0000000a\"}\n";
        assert_eq!(all(Encoding::Lines), ["", "\n", checkpoint, gap, bye]);
        assert_eq!(all(Encoding::Delimited)[4], format!("{}\n{bye}", bye.len()));
        assert_eq!(all(Encoding::Delimited)[1], "\n");
    }
}
