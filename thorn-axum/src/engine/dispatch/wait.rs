//! `Prefer: wait` (RFC 7240): answers a dispatch with the target's response.

use std::time::Duration;

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, VARY, X_CONTENT_TYPE_OPTIONS},
    },
    response::{IntoResponse as _, Response},
};
use thorn_core::{ApiKeyId, DeliveryId, history::FirstResponse};

use crate::{
    engine::{
        once::{Answered, REPLAYED},
        state::EngineState,
    },
    http::{NO_STORE, Problem},
};

const PREFER: &str = "prefer";
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const STATUS: HeaderName = HeaderName::from_static("thorn-response-status");
const TO: HeaderName = HeaderName::from_static("thorn-response-to");
const TRUNCATED: HeaderName = HeaderName::from_static("thorn-response-truncated");

/// The longest wait in seconds. A server that stops gives requests this time.
const LONGEST: u64 = 30;

/// How long a caller wants to wait for the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(u64);

impl Wait {
    /// The wish in `Prefer`. A preference that can't be read is none (RFC 7240, section 2), and of several the first
    /// counts.
    pub(super) fn asked_for(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let preferences = values.flat_map(|value| value.split(','));
        let wait = |preference: &str| {
            // Parameters follow a semicolon, and `wait` has none.
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').to_owned())
        };
        let seconds = preferences.filter_map(wait).next()?;
        let is_number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = is_number.then(|| seconds.parse().unwrap_or(u64::MAX).min(LONGEST))?;
        (seconds > 0).then_some(Self(seconds))
    }

    /// Waits for the first attempt of the delivery. Its response becomes the answer, with the place of the event.
    /// Otherwise the answer stays as it is.
    pub(super) async fn answer(
        self,
        state: &EngineState,
        key: ApiKeyId,
        delivery: DeliveryId,
        accepted: Answered,
    ) -> Result<Response, Problem> {
        let Answered { response, event } = accepted;
        let Some(event) = event else { return Ok(response) };
        let time = Duration::from_secs(self.0);
        if !state.first_attempts.wait(&state.thorn, key, delivery, time).await {
            return Ok(response);
        }
        Ok(match state.thorn.history().first_response(event, delivery).await? {
            Some(found) => self.relayed(found, delivery, response.headers()),
            None => response,
        })
    }

    /// The target's response, as the answer. A browser saves its body and never shows it as a page of the server's
    /// origin.
    fn relayed(self, found: FirstResponse, delivery: DeliveryId, accepted: &HeaderMap) -> Response {
        let FirstResponse { status, body, is_truncated } = found;
        let mut response = Body::from(body.bytes).into_response();
        let headers = response.headers_mut();
        headers.extend([NO_STORE]);
        let kept =
            [LOCATION, REPLAYED].into_iter().filter_map(|name| Some((name.clone(), accepted.get(&name)?.clone())));
        headers.extend(kept);
        headers.insert(VARY, HeaderValue::from_static(PREFER));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
        headers.insert(STATUS, HeaderValue::from(status));
        let texts = [
            (APPLIED, Some(format!("wait={}", self.0))),
            (TO, Some(delivery.to_string())),
            (CONTENT_TYPE, body.media_type),
            (TRUNCATED, is_truncated.then(|| "true".to_owned())),
        ];
        let texts = texts.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value?).ok()?)));
        headers.extend(texts);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(values: &[&'static str]) -> Option<u64> {
        let headers = values.iter().map(|value| (HeaderName::from_static(PREFER), HeaderValue::from_static(value)));
        Wait::asked_for(&headers.collect()).map(|Wait(seconds)| seconds)
    }

    #[test]
    fn di23_a_wait_is_read_among_other_preferences_and_bounded() {
        for (values, seconds) in [
            (&["wait=5"][..], 5),
            (&["Wait = 7"], 7),
            (&["wait=\"5\""], 5),
            (&["respond-async, wait=10; a=b"], 10),
            (&["return=minimal", "wait=1, wait=2"], 1),
            (&["wait=31"], 30),
            (&["wait=99999999999999999999999"], 30),
        ] {
            assert_eq!(wait(values), Some(seconds), "{values:?}");
        }
        for none in
            [&[][..], &[""], &["wait"], &["wait="], &["wait=x"], &["wait=-1"], &["wait=1.5"], &["wait=0"], &["waits=5"]]
        {
            assert_eq!(wait(none), None, "{none:?}");
        }
    }
}
