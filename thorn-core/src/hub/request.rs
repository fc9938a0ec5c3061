//! Requests of subscribers to the hub.

use std::fmt;

use crate::{signing::Secret, spec::Dialect};

/// A subscriber's wish: to subscribe or to unsubscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestMode {
    /// A subscription, or another lease of one.
    Subscribe,
    /// The end of a subscription.
    Unsubscribe,
}

/// A subscriber's request, with every text as it was given.
///
/// `Debug` shows neither the callback nor the secret nor the token.
#[derive(Clone)]
pub struct HubRequest {
    /// Whether it subscribes or unsubscribes (`hub.mode`).
    pub mode: RequestMode,
    /// The URL that deliveries go to (`hub.callback`).
    pub callback: String,
    /// The URL of the topic (`hub.topic`).
    pub topic: String,
    /// The key of the signatures (`hub.secret`). `None` makes no signature.
    pub secret: Option<Secret>,
    /// The wish for the length of the lease (`hub.lease_seconds`).
    pub lease_seconds: Option<u64>,
    /// The protocol of the request.
    pub dialect: Dialect,
    /// A text that the callback gets back (`hub.verify_token` of `PubSubHubbub`).
    pub verify_token: Option<String>,
}

impl fmt::Debug for HubRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubRequest")
            .field("mode", &self.mode)
            .field("topic", &self.topic)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}
