//! A request and its response, which another thread can end.

use std::{
    fmt, mem,
    pin::{Pin, pin},
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::runtime::Handle;

use super::origin::Origin;
use crate::tenant::Tenant;

static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A request that is under way, or a response whose body is being read.
pub(super) struct Exchange {
    /// The tenant for whom the request is made.
    pub(super) tenant: Tenant,
    /// The origin that the request goes to.
    pub(super) origin: Origin,
    runtime: Handle,
    /// When the request began, or a part of the response last arrived, in milliseconds since [`BASE`].
    progress: AtomicU64,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    waker: Option<Waker>,
}

enum Stage {
    Sending(Pin<Box<dyn Future<Output = Result<reqwest::Response, reqwest::Error>> + Send>>),
    Reading(reqwest::Response),
    Ended(Ended),
}

/// The head of a response.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The length of the body, if the head tells it.
    pub(super) content_length: Option<u64>,
}

/// Why another thread has ended an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The receiver sent much that wasn't read, and nothing of a response.
    Flooded,
    /// Another exchange of the same tenant was flooded.
    BesideFlood,
}

/// Why an exchange has no complete response.
#[derive(Debug)]
pub(super) enum ExchangeError {
    Http(reqwest::Error),
    Ended(Ended),
}

impl Exchange {
    /// An exchange on the runtime of the current task. It begins when its head is asked for.
    pub(super) fn new(
        tenant: Tenant,
        origin: Origin,
        sending: impl Future<Output = Result<reqwest::Response, reqwest::Error>> + Send + 'static,
    ) -> Self {
        let state = Mutex::new(State { stage: Stage::Sending(Box::pin(sending)), waker: None });
        Self { tenant, origin, runtime: Handle::current(), progress: since_base().into(), state }
    }

    pub(super) fn poll_head(&self, context: &mut Context<'_>) -> Poll<Result<Head, ExchangeError>> {
        let mut state = self.state();
        let Stage::Sending(sending) = &mut state.stage else { return Poll::Ready(Err(state.stage.ended())) };
        let Poll::Ready(sent) = sending.as_mut().poll(context) else { return state.wait(context) };
        let mut response = sent.map_err(ExchangeError::Http)?;
        let (status, content_length) = (response.status(), response.content_length());
        let headers = mem::take(response.headers_mut());
        state.stage = Stage::Reading(response);
        self.has_progress();
        Poll::Ready(Ok(Head { status, headers, content_length }))
    }

    pub(super) fn poll_chunk(&self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ExchangeError>> {
        let mut state = self.state();
        let Stage::Reading(response) = &mut state.stage else { return Poll::Ready(Err(state.stage.ended())) };
        // A call to `chunk` has no state of its own, so the next poll may begin with another call.
        let Poll::Ready(chunk) = pin!(response.chunk()).poll(context) else { return state.wait(context) };
        self.has_progress();
        Poll::Ready(chunk.map_err(ExchangeError::Http))
    }

    /// How long nothing of the response has arrived.
    pub(super) fn stands_still(&self) -> Duration {
        Duration::from_millis(since_base().saturating_sub(self.progress.load(Ordering::Relaxed)))
    }

    /// Ends the exchange from any thread. Its connection closes as soon as the runtime has time for it.
    pub(super) fn end(&self, why: Ended) {
        let mut state = self.state();
        let (stage, waker) = (mem::replace(&mut state.stage, Stage::Ended(why)), state.waker.take());
        drop(state);
        // A connection that goes back to its pool may start a task.
        let entered = self.runtime.enter();
        drop(stage);
        drop(entered);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn has_progress(&self) {
        self.progress.store(since_base(), Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    /// The error of an exchange that is in another stage than it is polled for, because another thread has ended it.
    const fn ended(&self) -> ExchangeError {
        match self {
            Self::Ended(why) => ExchangeError::Ended(*why),
            Self::Sending(_) | Self::Reading(_) => ExchangeError::Ended(Ended::Flooded),
        }
    }
}

impl State {
    /// Remembers whom to wake if another thread ends the exchange.
    fn wait<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

fn since_base() -> u64 {
    u64::try_from(BASE.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("origin", &self.origin).finish_non_exhaustive()
    }
}
