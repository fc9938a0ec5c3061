//! One request to be made.

use std::{fmt, time::Duration};

use bytes::Bytes;

use crate::{
    endpoint::Endpoint,
    guard::Validator,
    headers::ExtraHeaders,
    id::{DeliveryId, SubscriptionId},
    signing::Secret,
    spec::ContentType,
};

/// One attempt of a delivery, with everything that a [`Client`](super::Client) needs for it.
#[derive(Clone)]
pub(crate) struct Outgoing<'a> {
    /// The delivery; its id goes along as `Hook-Delivery` and `webhook-id`.
    pub(crate) delivery: DeliveryId,
    /// The subscription; its id goes along as `Hook-Subscription`.
    pub(crate) subscription: SubscriptionId,
    /// Name of the event.
    pub(crate) event: &'a str,
    /// Where the request goes, as the registry holds it now.
    pub(crate) endpoint: &'a Endpoint,
    /// Form of the body.
    pub(crate) content_type: ContentType,
    /// Key of the Standard Webhooks signature, which is made for each attempt; `None` makes none.
    pub(crate) secret: Option<&'a Secret>,
    /// The value of `Hook-HMAC`, made when the delivery was queued; `None` sends none.
    pub(crate) hook_hmac: Option<&'a str>,
    /// The bytes that were signed.
    pub(crate) body: Bytes,
    /// Headers of the subscription; protected ones among them are left out.
    pub(crate) subscription_headers: &'a ExtraHeaders,
    /// Headers of the event, which win over the subscription's; protected ones are left out too.
    pub(crate) headers: &'a ExtraHeaders,
    /// The total deadline: name resolution, connection, TLS, request and response.
    pub(crate) timeout: Duration,
    /// Whether the connection may be shared with other deliveries.
    pub(crate) keep_alive: bool,
    /// Rules for the recipient in place of the client's own guard's, if there are any.
    pub(crate) validators: Option<&'a [Validator]>,
}

/// Without the URL and the body: neither belongs in a log.
impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("delivery", &self.delivery)
            .field("subscription", &self.subscription)
            .field("event", &self.event)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
