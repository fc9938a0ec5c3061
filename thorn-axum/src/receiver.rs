//! Receives webhooks: an extractor that accepts signed deliveries only.

mod body;
mod ids;
mod secrets;
mod raw;

pub use raw::RawWebhook;
pub use secrets::{InvalidSecret, WebhookSecrets};

use axum::{
    body::Bytes,
    extract::{FromRef, FromRequest, Request},
    http::{HeaderMap, StatusCode},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thorn_core::{EventId, SubscriptionId, timestamp::Timestamp};

use self::ids::Ids;
use crate::http::{Problem, bytes_up_to};

/// A delivery with a valid signature and its data as a `T`.
///
/// The extractor verifies the raw body with the [`WebhookSecrets`] in the application's state. It
/// rejects a request with a [`Problem`]:
///
/// | status | reason |
/// |---|---|
/// | 401 | the signature is missing, wrong or too old |
/// | 413 | the body is too large |
/// | 400 | the body isn't an event, or its data isn't a `T`, or the delivery is [raw](RawWebhook) |
///
/// A sender that uses thorn counts each of these as a failed attempt and retries later.
///
/// A delivery may arrive more than once. To act on it only once, store its
/// [`delivery`](Self::delivery) id and skip ids that you have already stored.
///
/// # Examples
///
/// ```
/// use axum::{Router, http::StatusCode, routing::post};
/// use serde::Deserialize;
/// use thorn_axum::{Webhook, WebhookSecrets};
///
/// #[derive(Deserialize)]
/// struct Article {
///     title: String,
/// }
///
/// async fn hook(webhook: Webhook<Article>) -> StatusCode {
///     println!("{:?}: {:?}", webhook.event, webhook.data.title);
///     StatusCode::NO_CONTENT
/// }
///
/// let secrets = WebhookSecrets::new(["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])?;
/// let app: Router = Router::new().route("/hook", post(hook)).with_state(secrets);
/// # Ok::<(), thorn_axum::InvalidSecret>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook<T = Value> {
    /// The event's name. It is read from the signed body, not from a header.
    pub event: String,
    /// The delivery's id, which is the same for every attempt. It is signed, unless the request has only
    /// a `Hook-HMAC` signature.
    pub delivery: Option<String>,
    /// The event's id, which is the same in the deliveries to all subscriptions. A receiver with several subscriptions
    /// uses it to act once on each event.
    ///
    /// It is there if the request has `Hook-Event-Id` and `Hook-Subscription` and the delivery's id was derived from
    /// these two. It is then as trustworthy as [`delivery`](Self::delivery). Senders other than thorn have no such id.
    pub event_id: Option<EventId>,
    /// The subscription that the delivery belongs to. It is read from an unsigned header: don't base
    /// decisions on it.
    pub subscription: Option<SubscriptionId>,
    /// Where to find the object that the event is about: `ref` in the body.
    pub reference: Option<String>,
    /// The id of the user who caused the event.
    pub sender: Option<String>,
    /// The event's data.
    pub data: T,
    /// The body as it was received.
    pub raw: Bytes,
}

impl<T> Webhook<T> {
    /// Verifies and reads a request that is already split into headers and body.
    ///
    /// # Errors
    ///
    /// The same problems as the extractor's, except 413: the size isn't checked.
    pub fn from_parts(
        secrets: &WebhookSecrets,
        headers: &HeaderMap,
        raw: Bytes,
        now: Timestamp,
    ) -> Result<Self, Problem>
    where
        T: DeserializeOwned,
    {
        secrets.admit(headers, &raw, now)?;
        if raw::is_raw(headers) {
            let detail = "This is a raw event, whose body is no event of thorn's form; receive it with `RawWebhook`.";
            return Err(Problem::new(StatusCode::BAD_REQUEST).detail(detail));
        }
        let body: body::Body<T> = body::read(headers, &raw).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST).detail(format!("The body isn't the expected event: {error}"))
        })?;
        let Ids { delivery, event_id, subscription } = Ids::read(headers);
        Ok(Self {
            event: body.event,
            delivery,
            event_id,
            subscription,
            reference: body.reference,
            sender: body.sender,
            data: body.data,
            raw,
        })
    }
}

impl<S, T> FromRequest<S> for Webhook<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
    WebhookSecrets: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let secrets = WebhookSecrets::from_ref(state);
        let headers = request.headers().clone();
        let raw = bytes_up_to(secrets.body_limit(), request, state).await?;
        Self::from_parts(&secrets, &headers, raw, Timestamp::now())
    }
}
