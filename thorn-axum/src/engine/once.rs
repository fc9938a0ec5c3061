//! Requests with an `Idempotency-Key`: each is done once, however often it comes.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
        request::Parts,
    },
    response::{AppendHeaders, IntoResponse, Response},
};
use sea_orm::DatabaseTransaction;
use thorn_core::{
    Error, EventId,
    api_key::ApiKey,
    idempotency::{Answer, Fingerprint, IdempotencyKey, Remembered, recall, remember},
    timestamp::Timestamp,
};

use super::{
    state::{EngineState, State},
    under_way::Use,
};
use crate::http::{NO_STORE, Problem};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Headers that control what a request does, besides those that begin with `thorn-`.
const CONTROL: [&str; 1] = ["prefer"];

/// The right to do this request, from before its body is read until its answer. A request whose key is in use gets 409.
///
/// A handler lists it after [`Authorized`](super::authorized::Authorized).
pub(super) struct Once {
    with: Option<Use>,
    /// The parts of the head that make two requests the same.
    head: Vec<Vec<u8>>,
}

/// The answer to a request that was done, now or before.
pub(super) struct Answered {
    pub(super) response: Response,
    /// The event that it is about.
    pub(super) event: Option<EventId>,
}

/// The result of a request that was done.
pub(super) struct Done {
    pub(super) answer: Answer,
    pub(super) event: Option<EventId>,
}

impl<S: Send + Sync> FromRequestParts<S> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut given = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let key = match (given.next(), given.next()) {
            (None, _) => return Ok(Self { with: None, head: Vec::new() }),
            (Some(value), None) => value.to_str().ok().and_then(|text| text.parse::<IdempotencyKey>().ok()),
            (Some(_), Some(_)) => None,
        };
        let key = key.ok_or_else(|| {
            let detail = "`Idempotency-Key` must have 1 to 255 visible ASCII characters, and stand there once.";
            Problem::new(StatusCode::BAD_REQUEST).detail(detail)
        })?;
        let (Some(state), Some(caller)) = (parts.extensions.get::<State>(), parts.extensions.get::<Arc<ApiKey>>())
        else {
            return Err(Problem::internal("a resource with idempotency keys comes after authentication"));
        };
        let with = state.under_way.begin(caller.id, key).ok_or_else(under_way)?;
        Ok(Self { with: Some(with), head: head(parts) })
    }
}

impl Once {
    /// Does the request in one transaction, together with the memory of its answer. A request that was done before gets
    /// the same answer, and another request with its key 422.
    pub(super) async fn run(
        self,
        state: &EngineState,
        body: &[u8],
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<Done, Problem>,
    ) -> Result<Response, Problem> {
        self.run_and_name(state, body, work).await.map(|answered| answered.response)
    }

    /// Does the same, and names the event as well.
    pub(super) async fn run_and_name(
        self,
        state: &EngineState,
        body: &[u8],
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<Done, Problem>,
    ) -> Result<Answered, Problem> {
        let Some((api_key, key)) = self.with.as_ref().map(Use::key) else {
            return state.thorn.transaction(work).await.map(Answered::from);
        };
        let now = Timestamp::now();
        let fingerprint = Fingerprint::of(self.head.iter().map(Vec::as_slice).chain([body]));
        if let Some(remembered) = recall(state.thorn.db(), api_key, key, fingerprint, now).await? {
            return again(remembered);
        }
        let done = state.thorn.transaction(async |txn| {
            let Done { answer, event } = work(txn).await?;
            let is_first = remember(txn, api_key, key, fingerprint, &answer, event, now).await?;
            if is_first { Ok(Done { answer, event }) } else { Err(Failure::Late) }
        });
        match done.await {
            Ok(done) => Ok(done.into()),
            Err(Failure::Refused(problem)) => Err(problem),
            // Another server committed the same key in the meantime.
            Err(Failure::Late) => match recall(state.thorn.db(), api_key, key, fingerprint, now).await? {
                Some(remembered) => again(remembered),
                None => Err(under_way()),
            },
        }
    }
}

impl From<Done> for Answered {
    fn from(Done { answer, event }: Done) -> Self {
        Self { response: response(&answer), event }
    }
}

/// Why the transaction was rolled back.
enum Failure {
    Refused(Problem),
    Late,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

fn head(parts: &Parts) -> Vec<Vec<u8>> {
    let mut head = vec![
        parts.method.as_str().into(),
        parts.uri.path().into(),
        parts.uri.query().unwrap_or_default().into(),
        parts.headers.get(CONTENT_TYPE).map(|value| value.as_bytes().into()).unwrap_or_default(),
    ];
    let mut control: Vec<_> = controls(&parts.headers).collect();
    // Values of one name keep their order.
    control.sort_by_key(|(name, _)| *name);
    head.extend(control.into_iter().flat_map(|(name, value)| [name.as_bytes().to_vec(), value.as_bytes().to_vec()]));
    head
}

fn controls(headers: &HeaderMap) -> impl Iterator<Item = (&str, &HeaderValue)> {
    let named = headers.iter().map(|(name, value)| (name.as_str(), value));
    named.filter(|(name, _)| name.starts_with("thorn-") || CONTROL.contains(name))
}

fn again(remembered: Remembered) -> Result<Answered, Problem> {
    match remembered {
        Remembered::Same { answer, event } => {
            let response = ([(REPLAYED, HeaderValue::from_static("true"))], response(&answer)).into_response();
            Ok(Answered { response, event })
        }
        Remembered::Other => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY)
            .detail("Another request had this `Idempotency-Key`. Use a new one for each request.")),
    }
}

fn under_way() -> Problem {
    Problem::new(StatusCode::CONFLICT)
        .detail("A request with this `Idempotency-Key` is under way.")
        .header(RETRY_AFTER, HeaderValue::from_static("1"))
}

fn response(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = answer.headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?))
    });
    let headers: HeaderMap = headers.collect();
    (status, AppendHeaders([NO_STORE]), headers, answer.body.clone()).into_response()
}
