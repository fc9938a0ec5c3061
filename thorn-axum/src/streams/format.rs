//! The form of an answer, as the request's `Accept` asks for it.

use axum::http::{HeaderMap, header::ACCEPT};
use thorn_core::stream::Encoding;

use super::query::StreamQuery;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Server-sent events, or lines of JSON.
    Stream(Encoding),
    LongPoll,
}

impl Format {
    /// The form that `Accept` asks for first. A `wait` asks for a long poll, and so does `application/json`.
    pub(super) fn of(headers: &HeaderMap, query: &StreamQuery) -> Self {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let accepted = accepted.flat_map(|value| value.split(','));
        let mut types = accepted.map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let known = types.find(|range| {
            matches!(range.as_str(), "text/event-stream" | "application/json" | "application/x-ndjson" | "*/*")
        });
        match known.as_deref() {
            Some("text/event-stream") if query.is_named => Self::Stream(Encoding::NamedSse),
            Some("text/event-stream") => Self::Stream(Encoding::Sse),
            Some("application/json") => Self::LongPoll,
            _ if query.wait.is_some() => Self::LongPoll,
            _ if query.is_delimited => Self::Stream(Encoding::Delimited),
            _ => Self::Stream(Encoding::Lines),
        }
    }

    pub(super) const fn is_sse(self) -> bool {
        matches!(self, Self::Stream(Encoding::Sse | Encoding::NamedSse))
    }

    /// The media type of the answer.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Stream(Encoding::Sse | Encoding::NamedSse) => "text/event-stream",
            Self::Stream(_) => "application/x-ndjson",
            Self::LongPoll => "application/json",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_known_type_of_accept_decides() {
        let format = |accept: &str, wait: Option<u64>| {
            let headers = [(ACCEPT, accept.parse().unwrap())].into_iter().collect();
            let mut query = StreamQuery::default();
            query.wait = wait.map(Duration::from_secs);
            Format::of(&headers, &query)
        };
        let lines = Format::Stream(Encoding::Lines);
        let sse = Format::Stream(Encoding::Sse);
        for (accept, wait, expected) in [
            ("text/event-stream", None, sse),
            ("Text/Event-Stream; q=1, */*", Some(1), sse),
            ("text/html, application/json;q=0.9, */*", None, Format::LongPoll),
            ("*/*", Some(0), Format::LongPoll),
            ("*/*", None, lines),
            ("application/x-ndjson", None, lines),
            ("image/png", None, lines),
        ] {
            assert_eq!(format(accept, wait), expected, "{accept}");
        }
        assert_eq!(Format::of(&HeaderMap::new(), &StreamQuery::default()), lines);
    }
}
