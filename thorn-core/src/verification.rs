//! Tells receivers whether a delivery that they have received comes from this thorn.
//!
//! A receiver that holds the subscription's secret verifies signatures itself. This is for those that can't, as PayPal's
//! IPN has it.

use std::time::Duration;

use sea_orm::DatabaseConnection;
use subtle::ConstantTimeEq as _;

use crate::{
    cloud_event::Message,
    error::Error,
    fanout::{CloudFacts, encode_body},
    history::visible_event,
    id::DeliveryId,
    outbox::{StoredEvent, raw_bodies},
    rendered::Members,
    signing::{Secret, SecretKey, verify_standard},
    spec::{ContentType, Destination},
    subscription::{Access, Subscriptions},
    timestamp::Timestamp,
};

/// A delivery as somebody has received it.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedDelivery<'a> {
    /// The header `webhook-id`, or `Hook-Delivery`.
    pub delivery: &'a str,
    /// The header `Hook-Event-Id`.
    pub event: &'a str,
    /// The header `Hook-Subscription`.
    pub subscription: &'a str,
    /// The header `webhook-timestamp`.
    pub timestamp: &'a str,
    /// The header `webhook-signature`, empty if there is none.
    pub signatures: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// Whether thorn has sent the delivery: its ids belong together, the event has exactly this body, and the signature is
/// that of the recipient's present secret. Unsigned recipients have no signature.
///
/// The age of the signature doesn't matter. Once the event or the subscription is deleted, the answer is no.
pub(crate) async fn is_genuine(
    received: &ReceivedDelivery<'_>,
    db: &DatabaseConnection,
    subscriptions: &Subscriptions,
    key: Option<&SecretKey>,
    source: &str,
) -> Result<bool, Error> {
    let (Ok(event), Ok(subscription)) = (received.event.parse(), received.subscription.parse()) else {
        return Ok(false);
    };
    let stored = found(visible_event(db, Access::Operator, event).await)?;
    let subscribed = found(subscriptions.get(Access::Operator, subscription).await)?;
    let brought = stored.as_ref().and_then(|stored| stored.subscriber(subscription));
    let destination = match (subscribed, brought) {
        (Some(subscription), _) => Some(subscription.spec.destination),
        (None, Some(subscriber)) => Some(subscriber.open(event, key)?),
        (None, None) => None,
    };
    // An unknown event or recipient takes the same steps, so the time tells nothing.
    let has_body = match stored {
        Some(stored) => has_body(db, &stored, received.body, source).await?,
        None => false,
    };
    let is_signed = is_signed(received, destination.as_ref());
    let ids_fit = received.delivery.parse() == Ok(DeliveryId::derive(event, subscription));
    Ok(ids_fit & has_body & is_signed)
}

fn found<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(one) => Ok(Some(one)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether deliveries of the event have this body, in any content type and dialect: the subscription's may have changed.
async fn has_body(db: &DatabaseConnection, event: &StoredEvent, body: &[u8], source: &str) -> Result<bool, Error> {
    let facts = CloudFacts { id: event.id, name: &event.name, source };
    if event.is_raw() {
        let raw = raw_bodies(db, &[event.id]).await?.remove(&event.id);
        return Ok(raw.is_some_and(|raw| {
            are_equal([raw.bytes.as_ref()], body) | is_message(&facts.of_raw(&raw, event.raw_head()), body)
        }));
    }
    let encoded: Vec<_> =
        ContentType::ALL.into_iter().filter_map(|content_type| encode_body(content_type, &event.body).ok()).collect();
    let has_envelope = are_equal(encoded.iter().map(|encoded| encoded.as_bytes()), body);
    let members = serde_json::from_str::<Members>(&event.body).ok();
    let has_message = members.is_some_and(|members| is_message(&facts.of_envelope(&members), body));
    Ok(has_envelope | has_message)
}

/// Whether the body is that of the CloudEvent, in either mode.
fn is_message(message: &Message<'_>, body: &[u8]) -> bool {
    let structured = message.to_json().unwrap_or_default();
    are_equal([structured.as_bytes(), message.data.bytes()], body)
}

/// Whether one of these is the body. All are compared, so the time tells nothing.
fn are_equal<'a>(possible: impl IntoIterator<Item = &'a [u8]>, body: &[u8]) -> bool {
    possible.into_iter().filter(|one| bool::from(one.ct_eq(body))).count() > 0
}

/// Whether the signature is the recipient's, or the recipient is unsigned.
fn is_signed(received: &ReceivedDelivery<'_>, destination: Option<&Destination>) -> bool {
    let ReceivedDelivery { delivery, timestamp, signatures, body, .. } = *received;
    let verifies = |secret: &Secret| {
        let verified = verify_standard(secret, delivery, timestamp, signatures, body, Timestamp::now(), Duration::MAX);
        verified.is_ok()
    };
    match destination.map(|destination| destination.signing.secret.as_ref()) {
        Some(Some(secret)) => verifies(secret),
        Some(None) => true,
        None => {
            verifies(&Secret::new("a recipient that doesn't exist"));
            false
        }
    }
}
