//! Bodies of responses in HTTP/2, which are handed on in small pieces and tell whether the client takes them.
//!
//! hyper asks for the next piece once there is room in the client's window for the one before. So what it holds for each
//! response is bounded, and a piece that is followed by no question has stalled.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// How long a client may take nothing of a response, as `end_stalled_connections` has it for a connection.
const STALL: Duration = Duration::from_secs(30);

/// Bytes of a piece.
const PIECE: usize = 16 * 1024;

tokio::task_local! {
    /// The pace of the response that this task makes.
    pub(super) static PACE: Arc<Pace>;
}

/// Since when a piece waits for the client.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// Resolves once a piece has waited for too long.
    pub(super) async fn stalled(&self) {
        loop {
            let waits_since = *self.waits_since();
            let deadline = waits_since.unwrap_or_else(Instant::now) + STALL;
            if deadline <= Instant::now() {
                return;
            }
            sleep_until(deadline).await;
        }
    }

    fn waits_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Paced {
    body: Body,
    /// What is left of a frame after its first pieces.
    rest: Bytes,
    pace: Arc<Pace>,
}

/// The same body, with the pace of this task.
pub(super) fn paced(body: Body) -> Body {
    let pace = PACE.try_with(Arc::clone).unwrap_or_default();
    Body::new(Paced { body, rest: Bytes::new(), pace })
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        *self.pace.waits_since() = None;
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)).transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => self.rest = data,
                Some(Err(trailers)) => return Poll::Ready(Some(Ok(trailers))),
                None => return Poll::Ready(None),
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        *self.pace.waits_since() = Some(Instant::now());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(body: &mut Body) -> Option<usize> {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        Some(frame.unwrap().into_data().unwrap().len())
    }

    #[tokio::test]
    async fn a_body_comes_in_pieces_and_each_waits_until_the_next_is_asked_for() {
        let pace = Arc::<Pace>::default();
        let mut body = PACE.scope(pace.clone(), async { paced(Body::from(vec![0; PIECE * 2 + 1])) }).await;
        assert_eq!(body.size_hint().exact(), Some(PIECE as u64 * 2 + 1));
        assert_eq!(*pace.waits_since(), None);
        for length in [PIECE, PIECE, 1] {
            assert!(!body.is_end_stream());
            assert_eq!(next(&mut body).await, Some(length));
            assert!(pace.waits_since().is_some());
        }
        assert!(body.is_end_stream());
        assert_eq!(next(&mut body).await, None);
        assert_eq!(*pace.waits_since(), None);
    }
}
