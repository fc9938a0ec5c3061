//! The body of a stream: events, and a byte in time when there are none.

use std::{convert::Infallible, time::Duration};

use axum::body::{Body, Bytes};
use futures::{future::BoxFuture, stream};
use thorn_core::stream::{Encoding, Reader, Step};
use tokio::time::{Instant, sleep, sleep_until};

use super::{control::Control, places::Place};

/// How often a stream asks whether its caller may still read.
const RECHECK: Duration = Duration::from_secs(15);

/// Streams that the server ends close within this time, so that their clients don't all come back at once.
const SPREAD: Duration = Duration::from_millis(4_500);

/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether the caller may still read. Each call asks again.
pub(super) type StillAllowed = Box<dyn Fn() -> BoxFuture<'static, bool> + Send>;

/// One open stream.
pub(super) struct Connection {
    reader: Reader,
    encoding: Encoding,
    has_checkpoints: bool,
    still_allowed: Option<StillAllowed>,
    phase: Phase,
    /// The longest silence.
    silence: Duration,
    quiet_until: Instant,
    recheck_at: Instant,
    /// Held as long as the stream is open.
    _place: Place,
}

/// One frame of the body, and the connection for the next.
async fn frame(mut connection: Connection) -> Option<(Result<Bytes, Infallible>, Connection)> {
    let bytes = connection.next().await?;
    Some((Ok(bytes), connection))
}

enum Phase {
    /// The first bytes are still to be sent.
    Opening(Bytes),
    Open,
    Ended,
}

impl Connection {
    pub(super) fn new(
        reader: Reader,
        encoding: Encoding,
        has_checkpoints: bool,
        silence: Duration,
        still_allowed: Option<StillAllowed>,
        place: Place,
    ) -> Self {
        let now = Instant::now();
        let hello = Control::Hello { retry: rand::random_range(1_000..=3_000) };
        Self {
            reader,
            encoding,
            has_checkpoints,
            still_allowed,
            phase: Phase::Opening(hello.bytes(encoding)),
            silence,
            quiet_until: now + silence,
            recheck_at: now + RECHECK,
            _place: place,
        }
    }

    /// Begins the stream with a gap.
    pub(super) fn with_gap(mut self, gap: Control) -> Self {
        if let Phase::Opening(first) = &mut self.phase {
            *first = [first.as_ref(), gap.bytes(self.encoding).as_ref()].concat().into();
        }
        self
    }

    pub(super) fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, frame))
    }

    /// The next bytes, or `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        let bytes = match std::mem::replace(&mut self.phase, Phase::Open) {
            Phase::Opening(first) if !first.is_empty() => first,
            Phase::Opening(_) | Phase::Open => self.wait().await,
            Phase::Ended => {
                self.phase = Phase::Ended;
                return None;
            }
        };
        self.quiet_until = Instant::now() + self.silence;
        Some(bytes)
    }

    async fn wait(&mut self) -> Bytes {
        loop {
            let step = tokio::select! {
                step = self.reader.step() => step,
                () = sleep_until(self.quiet_until) => return self.heartbeat(),
                () = sleep_until(self.recheck_at), if self.still_allowed.is_some() => {
                    self.recheck_at = Instant::now() + RECHECK;
                    let asking = self.still_allowed.as_ref().map(|ask| ask());
                    if let Some(asking) = asking
                        && !asking.await
                    {
                        return self.bye("the credentials are no longer valid");
                    }
                    continue;
                }
            };
            match step {
                Ok(Step::Event(frame)) => return frame.bytes(self.encoding),
                Ok(Step::Gap(earliest)) => return Control::Gap { earliest }.bytes(self.encoding),
                Ok(Step::CaughtUp) => {}
                Ok(Step::Closing) => {
                    sleep(SPREAD.mul_f64(rand::random())).await;
                    return self.bye("the server stops");
                }
                Err(error) => {
                    tracing::warn!(%error, "a stream can't read the log, trying again");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn heartbeat(&mut self) -> Bytes {
        let control = if self.has_checkpoints { Control::Checkpoint(self.reader.cursor()) } else { Control::Heartbeat };
        control.bytes(self.encoding)
    }

    fn bye(&mut self, reason: &'static str) -> Bytes {
        self.phase = Phase::Ended;
        Control::Bye { reason }.bytes(self.encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, F: Future>(_: fn(A) -> F) -> usize {
        size_of::<F>()
    }

    /// A stream is idle most of the time, and its body is this future then. The rest of what it takes is its topics, its
    /// place, and the buffers of the connection.
    #[test]
    fn st11_an_idle_stream_takes_little_memory() {
        let bytes = size_of_future(frame);
        assert!(bytes <= 2 * 1024, "{bytes}");
    }
}
