//! `GET /stream`.

use std::time::Duration;

use axum::{
    Extension,
    http::{HeaderName, HeaderValue, Method, request::Parts},
    response::{IntoResponse, Response},
};
use thorn_core::{
    log::Cursor,
    stream::{Encoding, Selection, Start, Started},
};

use super::{
    connection::{Connection, StillAllowed},
    control::Control,
    format::Format,
    long_poll::{Missing, Polled},
    places::Place,
    query::{Beginning, StreamQuery},
    state::{State, headers},
};
use crate::http::{Caller, Problem, Source};

/// The header that says where a stream begins.
const CURSOR: HeaderName = HeaderName::from_static("thorn-cursor");

pub(super) async fn open<C: Caller + Send + 'static>(
    caller: C,
    Extension(state): Extension<State<C>>,
    source: Source,
    parts: Parts,
) -> Result<Response, Problem> {
    let mut query = StreamQuery::read(&parts)?;
    let selection = query.selection(&caller)?;
    let format = Format::of(&parts.headers, &query);
    let place = match state.place(&caller, source, format) {
        Ok(place) => place,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    match format {
        Format::LongPoll => {
            let wait = if parts.method == Method::HEAD { Duration::ZERO } else { query.wait.unwrap_or_default() };
            poll(&state, selection, query.beginning(), query.limit, wait).await
        }
        Format::Stream(encoding) => {
            let still_allowed =
                state.recheck.clone().map(|recheck| -> StillAllowed { Box::new(move || recheck(&caller)) });
            stream(&state, selection, &query, encoding, still_allowed, place).await
        }
    }
}

async fn stream<C: Caller>(
    state: &State<C>,
    selection: Selection,
    query: &StreamQuery,
    encoding: Encoding,
    still_allowed: Option<StillAllowed>,
    place: Place,
) -> Result<Response, Problem> {
    let (start, is_foreign) = match query.beginning() {
        Beginning::Unsaid => (Start::Now, false),
        Beginning::At(start) => (start, false),
        Beginning::Foreign => (Start::Earliest, true),
    };
    let format = Format::Stream(encoding);
    let Started { reader, cursor, has_gap } = state.streams()?.open(selection, start).await?;
    let has_gap = has_gap || is_foreign;
    if has_gap && !format.is_sse() {
        return Err(Problem::cursor_gone(cursor));
    }
    let silence = state.thorn.config().stream_heartbeat;
    let mut connection = Connection::new(reader, encoding, query.has_checkpoints, silence, still_allowed, place);
    if has_gap {
        // A browser never comes back from 410, so it is told on the stream.
        connection = connection.with_gap(Control::Gap { earliest: cursor });
    }
    let mut headers = headers(format);
    headers.extend(cursor_header(cursor));
    Ok((headers, connection.into_body()).into_response())
}

async fn poll<C: Caller>(
    state: &State<C>,
    selection: Selection,
    beginning: Beginning,
    limit: usize,
    wait: Duration,
) -> Result<Response, Problem> {
    let streams = state.streams()?;
    let start = match beginning {
        Beginning::Unsaid => return Ok(polled(Polled::empty(streams.end().await?))),
        Beginning::Foreign => return Err(Problem::cursor_gone(streams.earliest().await?)),
        Beginning::At(start) => start,
    };
    from(state, selection, start, limit, wait).await
}

/// Answers with the events after `start`.
pub(super) async fn from<C: Caller>(
    state: &State<C>,
    selection: Selection,
    start: Start,
    limit: usize,
    wait: Duration,
) -> Result<Response, Problem> {
    let Started { mut reader, cursor, has_gap } = state.streams()?.open(selection, start).await?;
    if has_gap {
        return Err(Problem::cursor_gone(cursor));
    }
    match Polled::read(&mut reader, limit, wait).await? {
        Ok(answer) => Ok(polled(answer)),
        Err(Missing { earliest }) => Err(Problem::cursor_gone(earliest)),
    }
}

fn polled(answer: Polled) -> Response {
    let mut headers = headers(Format::LongPoll);
    headers.extend(cursor_header(answer.cursor));
    (headers, answer).into_response()
}

fn cursor_header(cursor: Cursor) -> Option<(HeaderName, HeaderValue)> {
    // A cursor has digits and a hyphen.
    HeaderValue::try_from(cursor.to_string()).ok().map(|value| (CURSOR, value))
}
