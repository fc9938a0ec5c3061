//! The secrets that verify deliveries.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use thorn_core::{
    signing::{Digest, MalformedSecret, Secret, SignatureError, verify_hook_hmac, verify_standard},
    timestamp::Timestamp,
};

use crate::http::{Problem, text};

/// The greatest difference between a signature's time and now, as Standard Webhooks recommends.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Bytes that a body may have.
const BODY_LIMIT: usize = 1024 * 1024;

/// The secrets of the subscriptions that deliver to this application. Keep it in the application's state.
///
/// A delivery is accepted if any of the secrets verifies it. Give several secrets to receive several
/// subscriptions, or to accept both the old and the new secret while you rotate one. Without a secret,
/// every delivery is refused.
///
/// # Examples
///
/// ```
/// use axum::extract::FromRef;
/// use thorn_axum::WebhookSecrets;
///
/// #[derive(Clone)]
/// struct AppState {
///     secrets: WebhookSecrets,
/// }
///
/// impl FromRef<AppState> for WebhookSecrets {
///     fn from_ref(state: &AppState) -> Self {
///         state.secrets.clone()
///     }
/// }
///
/// let secrets = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "their-old-secret"];
/// let state = AppState { secrets: WebhookSecrets::new(secrets)? };
/// # Ok::<(), thorn_axum::InvalidSecret>(())
/// ```
#[derive(Clone, Debug)]
pub struct WebhookSecrets {
    secrets: Arc<[Secret]>,
    hook_hmac: Option<Digest>,
    tolerance: Duration,
    body_limit: usize,
}

/// A secret that [`WebhookSecrets`] refuses. The message never shows the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("secret {number} of the receiver can't be used: {reason}")]
pub struct InvalidSecret {
    /// The secret's position in the list, counted from 1.
    pub number: usize,
    /// The fault of the secret.
    pub reason: MalformedSecret,
}

impl WebhookSecrets {
    /// Verifies Standard Webhooks signatures, which every signed delivery from thorn carries.
    ///
    /// Blank secrets are left out, so that an environment variable that isn't set can't become a
    /// secret.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret`] if a secret begins with `whsec_` and doesn't continue with base64 of 24 to 64 bytes. A part of
    /// a secret, or an empty one, would be a key that anybody can guess.
    pub fn new(secrets: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, InvalidSecret> {
        let check = |(index, secret): (usize, Secret)| match secret.check() {
            Ok(()) => Some(Ok(secret)),
            Err(MalformedSecret::Blank) => None,
            Err(reason) => Some(Err(InvalidSecret { number: index + 1, reason })),
        };
        let secrets = secrets.into_iter().map(Secret::new).enumerate().filter_map(check);
        Ok(Self {
            secrets: secrets.collect::<Result<_, _>>()?,
            hook_hmac: None,
            tolerance: TOLERANCE,
            body_limit: BODY_LIMIT,
        })
    }

    /// Also accepts `Hook-HMAC` signatures with this digest, from senders that make no other signature,
    /// such as Python's Thorn. Default: they are refused.
    ///
    /// `Hook-HMAC` signs neither a time nor the delivery's id. Anyone who has seen a delivery can
    /// remove its other signature headers and send it again at any time.
    #[must_use]
    pub fn or_hook_hmac(mut self, digest: Digest) -> Self {
        self.hook_hmac = Some(digest);
        self
    }

    /// The greatest difference between a signature's time and now, in either direction. Default: five
    /// minutes.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Bytes that a body may have. Default: 1,048,576.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Whether there is no secret, so that every delivery is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Verifies the raw body of a request.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if the signature is missing or too old, or if none of the secrets made it.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
        const STANDARD: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

        let nothing_else = !STANDARD.iter().any(|name| headers.contains_key(*name));
        if let (true, Some(digest), Some(signature)) = (nothing_else, self.hook_hmac, text(headers, "hook-hmac")) {
            return self.any(|secret| verify_hook_hmac(digest, secret, body, signature));
        }
        let [id, timestamp, signatures] = STANDARD.map(|name| required(headers, name));
        let (id, timestamp, signatures) = (id?, timestamp?, signatures?);
        self.any(|secret| verify_standard(secret, id, timestamp, signatures, body, now, self.tolerance))
    }

    /// Verifies the raw body of a request, and answers 401 if that fails.
    pub(super) fn admit(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Problem> {
        self.verify(headers, body, now).map_err(|error| {
            // HTTP requires a challenge with every 401. The scheme is named after the header.
            Problem::new(StatusCode::UNAUTHORIZED)
                .detail(error.to_string())
                .header(WWW_AUTHENTICATE, HeaderValue::from_static("Webhook-Signature"))
        })
    }

    pub(super) fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// Succeeds if one of the secrets verifies the signature. Otherwise returns the last secret's error.
    fn any(&self, verify: impl Fn(&Secret) -> Result<(), SignatureError>) -> Result<(), SignatureError> {
        let mut result = Err(SignatureError::Mismatch);
        for secret in self.secrets.iter() {
            result = verify(secret);
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

fn required<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, SignatureError> {
    text(headers, name).ok_or(SignatureError::Missing(name))
}
