//! With which secrets deliveries are verified, and how.

use std::{sync::Arc, time::Duration};

use axum::http::HeaderMap;
use thorn_core::{
    Timestamp,
    signing::{Digest, Secret, SignatureError, verify_hook_hmac, verify_standard},
};

use super::text;

/// As old or as far ahead as a signature may be, as Standard Webhooks suggests.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// As large as a body may be.
const BODY_LIMIT: usize = 1024 * 1024;

/// The secrets of the subscriptions that deliver here, kept in the application's state.
///
/// Several are tried one after the other: for several subscriptions, or for the old and the new one
/// while a secret is exchanged. Without any secret everything is refused.
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
/// let state = AppState { secrets: WebhookSecrets::new(["the new one", "the old one"]) };
/// ```
#[derive(Clone, Debug)]
pub struct WebhookSecrets {
    secrets: Arc<[Secret]>,
    hook_hmac: Option<Digest>,
    tolerance: Duration,
    body_limit: usize,
}

impl WebhookSecrets {
    /// Verifies signatures of Standard Webhooks, which every delivery of thorn carries. An empty
    /// text is no secret (an environment variable that isn't set) and is left out.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let secrets = secrets.into_iter().map(Into::into).filter(|text| !text.trim().is_empty()).map(Secret::new);
        Self { secrets: secrets.collect(), hook_hmac: None, tolerance: TOLERANCE, body_limit: BODY_LIMIT }
    }

    /// Accepts a `Hook-HMAC` of this digest too, for senders that make no other signature, like
    /// Python's Thorn.
    ///
    /// It has no clock and doesn't sign the delivery's id: who has seen one delivery can send it
    /// again at any time, leaving out the headers that would tell. So it is off unless wanted.
    #[must_use]
    pub fn or_hook_hmac(mut self, digest: Digest) -> Self {
        self.hook_hmac = Some(digest);
        self
    }

    /// As old or as far ahead as a signature may be; default five minutes.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Bytes a body may have; default one megabyte (1,048,576).
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Whether there is no secret, so that everything is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Verifies the raw body of a request.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if no secret made the signature, or it is too old, or there is none.
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

    pub(super) fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// Whether one of the secrets fits, else why the last one doesn't.
    fn any(&self, verify: impl Fn(&Secret) -> Result<(), SignatureError>) -> Result<(), SignatureError> {
        let mut found = Err(SignatureError::Mismatch);
        for secret in self.secrets.iter() {
            found = verify(secret);
            if found.is_ok() {
                break;
            }
        }
        found
    }
}

fn required<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, SignatureError> {
    text(headers, name).ok_or(SignatureError::Missing(name))
}
