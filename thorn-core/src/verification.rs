//! Tells receivers whether a delivery that they have received comes from this thorn.
//!
//! A receiver that holds the subscription's secret verifies signatures itself. This is for those that can't, as PayPal's
//! IPN has it.

use std::time::Duration;

use sea_orm::DatabaseConnection;
use subtle::ConstantTimeEq as _;

use crate::{
    error::Error,
    fanout::encode_body,
    history::visible_event,
    id::DeliveryId,
    outbox::{StoredEvent, raw_bodies},
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
        Some(stored) => has_body(db, &stored, received.body).await?,
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

/// Whether deliveries of the event have this body, in any content type: the subscription's may have changed.
async fn has_body(db: &DatabaseConnection, event: &StoredEvent, body: &[u8]) -> Result<bool, Error> {
    if event.is_raw() {
        let raw = raw_bodies(db, &[event.id]).await?.remove(&event.id);
        return Ok(raw.is_some_and(|raw| raw.bytes.ct_eq(body).into()));
    }
    let equals = |content_type| {
        encode_body(content_type, &event.body).is_ok_and(|encoded| encoded.as_bytes().ct_eq(body).into())
    };
    Ok(ContentType::ALL.into_iter().filter(|content_type| equals(*content_type)).count() > 0)
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
