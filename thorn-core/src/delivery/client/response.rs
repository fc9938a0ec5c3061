//! The part of a response that is read and kept.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

use super::{exchange::ExchangeError, watched::Response};
use crate::{attempt::Outcome, timestamp::Timestamp};

/// The longest wait that a receiver can ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A response whose bytes are kept, up to a limit.
#[derive(Clone, Debug)]
pub(crate) struct KeptResponse {
    pub(crate) status: u16,
    /// The value of `Content-Type`, if it is text.
    pub(crate) media_type: Option<String>,
    pub(crate) bytes: Bytes,
    /// Whether the body was longer.
    pub(crate) is_truncated: bool,
}

/// The part of a response that is known so far. An attempt that times out keeps this part.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: Option<StatusCode>,
    pub(super) retry_after: Option<Duration>,
    /// Known only if the response is kept.
    media_type: Option<String>,
    body: Vec<u8>,
    is_truncated: bool,
    /// Bytes of the text for the history.
    text: usize,
    /// Bytes of the body that are kept besides, if it is kept.
    keep: Option<usize>,
}

impl Answer {
    /// `text` bytes become the text for the history. `keep` bytes are kept besides, if it is `Some`.
    pub(super) const fn new(text: usize, keep: Option<usize>) -> Self {
        let body = Vec::new();
        Self { status: None, retry_after: None, media_type: None, body, is_truncated: false, text, keep }
    }

    /// Reads the body up to its end or the limit. Beyond the limit, the client abandons the rest and the connection.
    pub(super) async fn read(&mut self, mut response: Response, now: Timestamp) -> Result<(), ExchangeError> {
        let status = response.status();
        self.status = Some(status);
        if !status.is_success() {
            self.retry_after = retry_after(response.headers(), now);
        }
        let limit = match self.keep {
            Some(keep) => {
                let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
                self.media_type = media_type.map(str::to_owned);
                keep.max(self.text)
            }
            None => self.text,
        };
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = limit - self.body.len();
                    self.body.extend_from_slice(&chunk[..room.min(chunk.len())]);
                    if chunk.len() > room {
                        self.is_truncated = true;
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                // The status already rejects the delivery, even if the body breaks off.
                Err(ExchangeError::Http(_)) if !status.is_success() => {
                    self.is_truncated = true;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The outcome of a response that was read, and the error if the delivery failed.
    pub(super) fn verdict(&self) -> (Outcome, Option<String>) {
        match self.status {
            Some(status) if status.is_success() => (Outcome::Delivered, None),
            Some(status) if status.is_redirection() => {
                (Outcome::Rejected, Some(format!("the receiver answered {status}; redirects are not followed")))
            }
            Some(status) => (Outcome::Rejected, Some(format!("the receiver answered {status}"))),
            None => (Outcome::Unreachable, Some("there was no response".to_owned())),
        }
    }

    /// The start of the body as text without NUL characters, which Postgres can't store. `None` if the text is empty.
    pub(super) fn text(&self) -> Option<String> {
        let mut text = String::from_utf8_lossy(&self.body[..self.body.len().min(self.text)]).into_owned();
        text.retain(|c| c != '\0');
        (!text.is_empty()).then_some(text)
    }

    /// The response, if it is kept and complete.
    pub(super) fn kept(self) -> Option<KeptResponse> {
        let (keep, status) = (self.keep?, self.status?.as_u16());
        let (mut bytes, is_truncated) = (Bytes::from(self.body), self.is_truncated);
        let is_truncated = is_truncated || bytes.len() > keep;
        bytes.truncate(keep);
        Some(KeptResponse { status, media_type: self.media_type, bytes, is_truncated })
    }
}

/// Parses `Retry-After`: seconds, or a date in one of HTTP's three formats (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        // A number that doesn't fit counts as the maximum.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        (Timestamp::from_millis(0) + date).since(now)
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        // Sun, 06 Nov 1994 08:49:37 GMT
        retry_after(&headers, Timestamp::from_millis(784_111_777_000))
    }

    #[test]
    fn thorn_149_retry_after_is_seconds_or_a_date() {
        for (value, secs) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(parsed(value), secs.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn nobody_can_ask_to_wait_forever() {
        for value in ["99999999999", "99999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(parsed(value), Some(LONGEST_RETRY_AFTER), "{value}");
        }
    }

    #[test]
    fn text_is_made_storable() {
        let text = |body: &[u8]| Answer { body: body.to_vec(), ..Answer::new(9, None) }.text();
        assert_eq!(text(b"a\0b\xff").as_deref(), Some("ab\u{fffd}"));
        assert_eq!(text(b"\0"), None);
        assert_eq!(text(b""), None);
    }
}
