//! `/consumers/`: readers whose cursor is kept on the server.

use axum::{
    Extension, Json,
    extract::{FromRequestParts, Path},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thorn_core::{
    Error,
    log::{Acknowledged, Consumer, Cursor},
    stream::Start,
    timestamp::Timestamp,
};

use super::{format::Format, open::from, query::StreamQuery, state::State};
use crate::http::{Caller, JsonObject, NO_STORE, Problem, Source};

#[derive(Serialize)]
struct Representation<'a> {
    name: &'a str,
    cursor: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> Representation<'a> {
    fn new(consumer: &'a Consumer) -> Self {
        let Consumer { name, cursor, created_at, updated_at } = consumer;
        Self { name, cursor: cursor.to_string(), created_at: *created_at, updated_at: *updated_at }
    }
}

fn shown(status: StatusCode, consumer: &Consumer) -> Response {
    (status, [NO_STORE], Json(Representation::new(consumer))).into_response()
}

pub(super) async fn list<C: Caller>(
    caller: C,
    Extension(state): Extension<State<C>>,
) -> Result<impl IntoResponse, Problem> {
    let consumers = state.consumers(&caller)?.list().await?;
    let shown: Vec<_> = consumers.iter().map(Representation::new).collect();
    Ok(([NO_STORE], Json(shown).into_response()))
}

pub(super) async fn show<C: Caller>(
    caller: C,
    Name(name): Name,
    Extension(state): Extension<State<C>>,
) -> Result<Response, Problem> {
    Ok(shown(StatusCode::OK, &state.consumers(&caller)?.get(&name).await?))
}

/// Creates the consumer at the end of the log, or at the `cursor` of the body. One that exists stays as it is.
pub(super) async fn create<C: Caller>(
    caller: C,
    Name(name): Name,
    Extension(state): Extension<State<C>>,
    JsonObject(mut body): JsonObject,
) -> Result<Response, Problem> {
    let streams = state.streams()?;
    let cursor = match body.remove("cursor") {
        None => streams.end().await?,
        Some(Value::String(text)) if text == "now" => streams.end().await?,
        Some(Value::String(text)) if text == "earliest" => streams.earliest().await?,
        Some(value) => read_cursor(&value)?,
    };
    if let Err(earliest) = streams.check(cursor).await? {
        return Err(Problem::cursor_gone(earliest));
    }
    let (consumer, is_new) = match state.consumers(&caller)?.create(&name, cursor).await {
        Err(error @ Error::Option { .. }) => return Err(Problem::invalid_fields().field("name", error.to_string())),
        created => created?,
    };
    Ok(shown(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &consumer))
}

pub(super) async fn delete<C: Caller>(
    caller: C,
    Name(name): Name,
    Extension(state): Extension<State<C>>,
) -> Result<StatusCode, Problem> {
    state.consumers(&caller)?.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A long poll from the consumer's cursor. It doesn't move the cursor.
pub(super) async fn events<C: Caller + Send + 'static>(
    caller: C,
    Name(name): Name,
    Extension(state): Extension<State<C>>,
    source: Source,
    parts: Parts,
) -> Result<Response, Problem> {
    let mut query = StreamQuery::read(&parts)?;
    let selection = query.selection(&caller)?;
    let consumer = state.consumers(&caller)?.get(&name).await?;
    let _place = match state.place(&caller, source, Format::LongPoll) {
        Ok(place) => place,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let wait = query.wait.filter(|_| parts.method != Method::HEAD).unwrap_or_default();
    from(&state, selection, Start::After(consumer.cursor), query.limit, wait).await
}

/// Moves the consumer's cursor to the `cursor` of the body; back only with `"seek": true`.
pub(super) async fn acknowledge<C: Caller>(
    caller: C,
    Name(name): Name,
    Extension(state): Extension<State<C>>,
    JsonObject(body): JsonObject,
) -> Result<Response, Problem> {
    let consumers = state.consumers(&caller)?;
    let (cursor, seek) = acknowledgement(&body)?;
    match consumers.acknowledge(&name, cursor, seek).await? {
        Acknowledged::Moved(consumer) => Ok(shown(StatusCode::OK, &consumer)),
        Acknowledged::Backwards(consumer) => {
            let detail = "The consumer has a later cursor. To move it back, send `\"seek\": true` as well.";
            Err(Problem::new(StatusCode::CONFLICT).detail(detail).member("cursor", consumer.cursor))
        }
        Acknowledged::Gone { earliest } => Err(Problem::cursor_gone(earliest)),
    }
}

fn acknowledgement(body: &Map<String, Value>) -> Result<(Cursor, bool), Problem> {
    let Some(cursor) = body.get("cursor") else {
        return Err(Problem::invalid_fields().field("cursor", "This field is required."));
    };
    let seek = match body.get("seek") {
        None => false,
        Some(Value::Bool(seek)) => *seek,
        Some(_) => return Err(Problem::invalid_fields().field("seek", "Must be true or false.")),
    };
    Ok((read_cursor(cursor)?, seek))
}

fn read_cursor(value: &Value) -> Result<Cursor, Problem> {
    let cursor = value.as_str().and_then(|text| text.parse().ok());
    cursor.ok_or_else(|| Problem::invalid_fields().field("cursor", "Must be a cursor that a stream has shown."))
}

/// The name in the path.
pub(super) struct Name(String);

#[derive(Deserialize)]
struct Params {
    consumer_name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // By name, because a prefix that the application adds may have parameters of its own.
        let params = Path::<Params>::from_request_parts(parts, state).await;
        params.map(|Path(params)| Self(params.consumer_name)).map_err(|_| Problem::new(StatusCode::NOT_FOUND))
    }
}
