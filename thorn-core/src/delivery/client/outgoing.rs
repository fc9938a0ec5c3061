//! The input of one attempt.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::HeaderMap;

use crate::{
    endpoint::Endpoint,
    guard::Validator,
    headers::ExtraHeaders,
    id::{DeliveryId, EventId, SubscriptionId},
    rendered::{RawHead, TopicHead},
    signing::Secret,
    spec::ContentType,
    tenant::Tenant,
};

/// The form of a body, and the headers that say so.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    /// An event in this content type.
    Encoded(ContentType),
    /// The bytes of a raw event.
    Raw {
        /// The value of `Content-Type`. `None` leaves the header out.
        media_type: Option<&'a str>,
        /// The reference and the sender, which are sent as headers.
        head: Option<&'a RawHead>,
    },
    /// A version of a hub's topic.
    Topic {
        /// The value of `Content-Type`. `None` leaves the header out.
        media_type: Option<&'a str>,
        /// The links to the hub and to the topic.
        topic: &'a TopicHead,
        /// The value of `X-Hub-Signature`. `None` leaves the header out.
        signature: Option<&'a str>,
    },
    /// A CloudEvent.
    CloudEvent {
        /// The value of `Content-Type`. `None` leaves the header out.
        media_type: Option<&'a str>,
        /// The attributes that are headers.
        attributes: &'a HeaderMap,
    },
}

/// One attempt of a delivery, with everything that a [`Client`](super::Client) needs for it.
#[derive(Clone)]
pub(crate) struct Outgoing<'a> {
    /// The delivery. Its id is sent as `Hook-Delivery` and `webhook-id`.
    pub(crate) delivery: DeliveryId,
    /// The subscription. Its id is sent as `Hook-Subscription`.
    pub(crate) subscription: SubscriptionId,
    /// The event. Its id is sent as `Hook-Event-Id`: a receiver with two subscriptions gets one event twice.
    pub(crate) event_id: EventId,
    /// The event's name.
    pub(crate) event: &'a str,
    /// The owner of the subscription, whose share of the lookups the request takes.
    pub(crate) tenant: Tenant,
    /// The endpoint that the request goes to, as the registry holds it now.
    pub(crate) endpoint: &'a Endpoint,
    /// The form of the body.
    pub(crate) content: Content<'a>,
    /// The key of the Standard Webhooks signature. Each attempt makes a new signature. `None` makes no signature.
    pub(crate) secret: Option<&'a Secret>,
    /// The value of `Hook-HMAC`, made when the delivery was queued. `None` leaves the header out.
    pub(crate) hook_hmac: Option<&'a str>,
    /// The bytes that were signed.
    pub(crate) body: Bytes,
    /// The subscription's headers. The client leaves out protected headers.
    pub(crate) subscription_headers: &'a ExtraHeaders,
    /// The event's headers, which replace the subscription's. The client leaves out protected headers here too.
    pub(crate) headers: &'a ExtraHeaders,
    /// The total deadline: name resolution, connection, TLS, request and response.
    pub(crate) timeout: Duration,
    /// Whether the connection may be shared with other deliveries.
    pub(crate) keep_alive: bool,
    /// The most bytes of the response to keep. `None` keeps only the text for the history.
    pub(crate) keep: Option<usize>,
    /// Validators that replace those of the client's own guard, if there are any.
    pub(crate) validators: Option<&'a [Validator]>,
}

/// Leaves out the URL and the body, because neither belongs in a log.
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
