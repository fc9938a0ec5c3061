//! A request that was received.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    time::Duration,
};

use axum::{body::Body, extract::Request};
use hyper::body::Body as _;
use thorn::{event::printable, timestamp::Timestamp};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

/// The bytes of a body that are kept.
const KEPT_BYTES: usize = 16 * 1024;

/// The bytes of a body that are read. The rest is never asked for.
const READ_BYTES: usize = 16 * 1024 * 1024;

/// The time that a body may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Characters of the body on the line for the terminal.
const ON_THE_LINE: usize = 200;

/// A POST, with the beginning of its body.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) at: Timestamp,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub(crate) body: Vec<u8>,
    /// The bytes of the body that came.
    pub(crate) size: usize,
    /// Whether the whole body came.
    pub(crate) is_whole: bool,
}

impl Call {
    /// Reads a request while it holds its turn.
    pub(crate) async fn read(request: Request, turn: Option<OwnedSemaphorePermit>) -> Self {
        let at = Timestamp::now();
        let (head, body) = request.into_parts();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        let path = head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string);
        let mut call = Self { at, path, headers, body: Vec::new(), size: 0, is_whole: false };
        // A body that takes longer is shown as far as it came.
        let _ = timeout(BODY_TIME, call.read_body(pin!(body))).await;
        drop(turn);
        call
    }

    async fn read_body(&mut self, mut body: Pin<&mut Body>) {
        while self.size < READ_BYTES {
            let frame = match poll_fn(|context| body.as_mut().poll_frame(context)).await {
                Some(Ok(frame)) => frame,
                Some(Err(_)) => return,
                None => {
                    self.is_whole = true;
                    return;
                }
            };
            if let Ok(data) = frame.into_data() {
                let room = KEPT_BYTES - self.body.len();
                self.body.extend_from_slice(&data[..room.min(data.len())]);
                self.size += data.len();
            }
        }
    }

    /// The beginning of the body as text, a line at a time. Characters that act on a terminal are escaped.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.body);
        text.split('\n').map(|line| printable(line.trim_end_matches('\r')).into_owned()).collect()
    }

    /// The call on one line.
    pub(crate) fn line(&self) -> String {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(ON_THE_LINE).collect();
        format!("Received POST {} {}", printable(&self.path), printable(&body))
    }
}
