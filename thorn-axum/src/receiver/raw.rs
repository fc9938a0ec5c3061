//! Receives raw events.

use axum::{
    body::Bytes,
    extract::{FromRef, FromRequest, Request},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use percent_encoding::percent_decode_str;
use thorn_core::{EventId, SubscriptionId, timestamp::Timestamp};

use super::{ids::Ids, secrets::WebhookSecrets};
use crate::http::{Problem, bytes_up_to, text};

/// A raw event with a valid signature: bytes that the sender gave thorn, as they are.
///
/// The extractor verifies the body with the [`WebhookSecrets`] in the application's state, as
/// [`Webhook`](super::Webhook) does, and rejects a request in the same way. It refuses a delivery that isn't raw.
///
/// **Only the bytes and the delivery's id are signed.** Event, reference, sender and media type stand in headers that no
/// signature covers. Trust them as much as you trust the connection.
///
/// # Examples
///
/// ```
/// use axum::{Router, http::StatusCode, routing::post};
/// use thorn_axum::{RawWebhook, WebhookSecrets};
///
/// async fn hook(webhook: RawWebhook) -> StatusCode {
///     println!("{:?}: {} bytes of {:?}", webhook.event, webhook.bytes.len(), webhook.media_type);
///     StatusCode::NO_CONTENT
/// }
///
/// let secrets = WebhookSecrets::new(["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])?;
/// let app: Router = Router::new().route("/hook", post(hook)).with_state(secrets);
/// # Ok::<(), thorn_axum::InvalidSecret>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawWebhook {
    /// The event's name. It isn't signed.
    pub event: String,
    /// The delivery's id, see [`Webhook::delivery`](super::Webhook::delivery).
    pub delivery: Option<String>,
    /// The event's id, see [`Webhook::event_id`](super::Webhook::event_id).
    pub event_id: Option<EventId>,
    /// The subscription that the delivery belongs to. It isn't signed.
    pub subscription: Option<SubscriptionId>,
    /// Where to find the object that the event is about. It isn't signed.
    pub reference: Option<String>,
    /// The id of the user who caused the event. It isn't signed.
    pub sender: Option<String>,
    /// The media type of the bytes. It isn't signed.
    pub media_type: Option<String>,
    /// The bytes, which are signed.
    pub bytes: Bytes,
}

impl RawWebhook {
    /// Verifies and reads a request that is already split into headers and body.
    ///
    /// # Errors
    ///
    /// The same problems as the extractor's, except 413: the size isn't checked.
    pub fn from_parts(
        secrets: &WebhookSecrets,
        headers: &HeaderMap,
        bytes: Bytes,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        secrets.admit(headers, &bytes, now)?;
        let event = decoded(headers, "hook-event").filter(|_| is_raw(headers)).ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST).detail("This is no raw event; receive it with `Webhook`.")
        })?;
        let Ids { delivery, event_id, subscription } = Ids::read(headers);
        Ok(Self {
            event,
            delivery,
            event_id,
            subscription,
            reference: decoded(headers, "hook-ref"),
            sender: decoded(headers, "hook-sender"),
            media_type: text(headers, CONTENT_TYPE.as_str()).map(str::to_owned),
            bytes,
        })
    }
}

impl<S> FromRequest<S> for RawWebhook
where
    S: Send + Sync,
    WebhookSecrets: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let secrets = WebhookSecrets::from_ref(state);
        let headers = request.headers().clone();
        let bytes = bytes_up_to(secrets.body_limit(), request, state).await?;
        Self::from_parts(&secrets, &headers, bytes, Timestamp::now())
    }
}

/// Whether thorn says that the delivery is a raw event.
pub(super) fn is_raw(headers: &HeaderMap) -> bool {
    headers.contains_key("hook-body")
}

/// A header's value without its percent-encoding.
fn decoded(headers: &HeaderMap, name: &str) -> Option<String> {
    text(headers, name).map(|value| percent_decode_str(value).decode_utf8_lossy().into_owned())
}
