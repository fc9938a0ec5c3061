//! The state that the handlers of streams share.

use std::sync::Arc;

use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use thorn_core::{Thorn, log::Consumers, stream};

use super::{
    control::Control,
    format::Format,
    places::{Full, Place, Places},
};
use crate::http::{Caller, Problem, Source};

/// Asks whether a caller may still read.
pub(super) type Recheck<C> = Arc<dyn Fn(&C) -> BoxFuture<'static, bool> + Send + Sync>;

/// The state of streams. It travels in the request's extensions, because the router's own state belongs to the
/// application and its extractors.
pub(super) struct StreamsState<C> {
    pub(super) thorn: Thorn,
    pub(super) places: Arc<Places>,
    pub(super) recheck: Option<Recheck<C>>,
}

pub(super) type State<C> = Arc<StreamsState<C>>;

/// Milliseconds after which a browser that got no place may come back.
const COME_BACK_AFTER: u32 = 60_000;

/// The same for other clients, in seconds.
const RETRY_SECONDS: &str = "30";

impl<C: Caller> StreamsState<C> {
    /// The streams of the core. It is a failure of the server if they are off.
    pub(super) fn streams(&self) -> Result<&stream::Streams, Problem> {
        self.thorn.streams().map_err(Problem::internal)
    }

    pub(super) fn consumers<'a>(&'a self, caller: &C) -> Result<Consumers<'a>, Problem> {
        Ok(self.streams()?.consumers(caller.access()))
    }

    /// Takes a place, or says why there is none.
    pub(super) fn place(&self, caller: &C, source: Source, format: Format) -> Result<Place, Refusal> {
        let (status, reason) = match self.places.take(&caller.stream_key(), source.0) {
            Ok(place) if !self.streams().is_ok_and(stream::Streams::is_closed) => return Ok(place),
            Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "the server stops"),
            Err(Full::Process) => (StatusCode::SERVICE_UNAVAILABLE, "the server has no place for a stream"),
            Err(Full::Caller) => (StatusCode::TOO_MANY_REQUESTS, "you have too many streams open"),
            Err(Full::Source) => (StatusCode::TOO_MANY_REQUESTS, "too many streams are open from your address"),
        };
        Err(Refusal { format, status, reason })
    }
}

/// The answer to a request that gets no place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    format: Format,
    status: StatusCode,
    reason: &'static str,
}

impl IntoResponse for Refusal {
    /// A browser's `EventSource` gives up for good on an error, so it gets a stream that ends.
    fn into_response(self) -> Response {
        let Self { format, status, reason } = self;
        match format {
            Format::Stream(encoding) if format.is_sse() => {
                let frames = [Control::Hello { retry: COME_BACK_AFTER }, Control::Bye { reason }];
                (headers(format), frames.map(|frame| frame.bytes(encoding)).concat()).into_response()
            }
            _ => {
                let problem = Problem::new(status).detail(reason);
                problem.header(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS)).into_response()
            }
        }
    }
}

/// The headers of every stream. Proxies must neither keep it, nor gather it, nor compress it.
pub(super) fn headers(format: Format) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    headers
}
