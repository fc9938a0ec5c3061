//! For those who receive: an extractor that hands over what is signed, and nothing else.

mod body;
mod secrets;

pub use secrets::WebhookSecrets;

use axum::{
    body::Bytes,
    extract::{FromRef, FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thorn_core::{SubscriptionId, Timestamp, signing::SignatureError};

use crate::{Problem, body::bytes_up_to};

/// A delivery whose signature fits, with its data as a `T`.
///
/// It verifies the raw body with the [`WebhookSecrets`] from the application's state, and answers a
/// [`Problem`] if that fails: 401 if the signature doesn't fit or is too old, 413 for a body that is
/// too large, 400 for one that is no event or whose data is no `T`. A sender of thorn sees any of
/// these as a failed delivery and tries again later.
///
/// Deliveries come at least once. Whoever must act once remembers [`delivery`](Self::delivery).
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
///     println!("{}: {}", webhook.event, webhook.data.title);
///     StatusCode::NO_CONTENT
/// }
///
/// let app: Router = Router::new()
///     .route("/hook", post(hook))
///     .with_state(WebhookSecrets::new(["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook<T = Value> {
    /// The event's name, from the signed body and not from a header.
    pub event: String,
    /// The same for every attempt of this delivery. Signed, unless only a `Hook-HMAC` came.
    pub delivery: Option<String>,
    /// The subscription it was sent for. Headers say so, unsigned: don't decide by it.
    pub subscription: Option<SubscriptionId>,
    /// Where the object is found: `ref` of the body.
    pub reference: Option<String>,
    /// Who caused the event.
    pub sender: Option<String>,
    /// What the event tells.
    pub data: T,
    /// The body as it came.
    pub raw: Bytes,
}

impl<T> Webhook<T> {
    /// Verifies and reads a request that something else has taken apart.
    ///
    /// # Errors
    ///
    /// As the extractor's, except for the size.
    pub fn from_parts(
        secrets: &WebhookSecrets,
        headers: &HeaderMap,
        raw: Bytes,
        now: Timestamp,
    ) -> Result<Self, Problem>
    where
        T: DeserializeOwned,
    {
        secrets.verify(headers, &raw, now).map_err(refusal)?;
        let body: body::Body<T> = body::read(headers, &raw).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST).detail(format!("Not the event expected: {error}"))
        })?;
        Ok(Self {
            event: body.event,
            delivery: text(headers, "webhook-id").or(text(headers, "hook-delivery")).map(str::to_owned),
            subscription: text(headers, "hook-subscription").and_then(|id| id.parse().ok()),
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

fn refusal(error: SignatureError) -> Problem {
    // HTTP wants a challenge with every 401; the scheme is called after the header.
    Problem::new(StatusCode::UNAUTHORIZED)
        .detail(error.to_string())
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Webhook-Signature"))
}

/// A header that is text.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
