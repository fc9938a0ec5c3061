//! Signs the body of an attempt and sends the request.

use bytes::Bytes;
use sea_orm::EntityTrait;

use super::{admission::Target, executor::Executor};
use crate::{
    attempt::{Attempt, Outcome},
    delivery::client::{Content, KeptResponse, Outgoing},
    error::Error,
    fanout::{ChunkDelivery, ChunkEvent, Recipient, encode_body},
    id::{DeliveryId, EventId},
    rendered::EventOptions,
    spec::Destination,
    tables::event,
    timestamp::Timestamp,
};

impl Executor {
    /// Sends one request. A body that can't be read counts as a failed attempt. Returns the response as well, if there
    /// is room for it.
    pub(super) async fn sign_and_send(
        &self,
        id: DeliveryId,
        event: &ChunkEvent,
        delivery: &ChunkDelivery,
        Target { recipient, endpoint, stored, room, .. }: &Target<'_>,
        options: &EventOptions,
    ) -> (Attempt, Option<KeptResponse>) {
        let destination = recipient.destination();
        let cloud_event = match recipient.dialect().is_cloud_events() {
            // Rare and large, as below.
            true => Some(Box::pin(self.signed_cloud_event(event, recipient)).await),
            false => None,
        };
        let signed = match (stored, cloud_event.as_ref()) {
            (_, Some(Ok(made))) => Ok((made.body.clone(), made.hook_hmac.clone())),
            (_, Some(Err(error))) => Err(error.to_string()),
            _ if event.is_raw => sign_raw(event, destination).map_err(|error| error.to_string()),
            // The relay doesn't sign deliveries to subscribers of an event.
            (Some(stored), None) => {
                sign_stored(&stored.name, &stored.body, destination).map_err(|error| error.to_string())
            }
            (None, None) => self.signed_body(event, delivery, recipient).await.map_err(|error| error.to_string()),
        };
        let (body, hook_hmac) = match signed {
            Ok(signed) => signed,
            Err(error) => {
                let error = format!("the body can't be read from the database: {error}");
                return (unsent(Timestamp::now(), error), None);
            }
        };
        let media_type = event.raw.as_ref().and_then(|raw| raw.media_type.as_deref());
        let content = match (&cloud_event, event.topic()) {
            (Some(Ok(made)), _) => made.content(),
            (_, Some(topic)) => Content::Topic { media_type, topic, signature: hook_hmac.as_deref() },
            _ if event.is_raw => Content::Raw { media_type, head: event.raw_head() },
            _ => Content::Encoded(destination.content_type),
        };
        let outgoing = Outgoing {
            delivery: id,
            subscription: recipient.id(),
            event_id: event.id,
            event: &event.name,
            tenant: recipient.tenant(),
            endpoint,
            content,
            secret: destination.signing.secret.as_ref(),
            hook_hmac: hook_hmac.as_deref(),
            body,
            subscription_headers: &destination.headers,
            headers: &options.headers,
            timeout: self.timeout(options.timeout),
            keep_alive: options.keep_alive,
            keep: room.as_ref().map(|room| room.bytes),
            validators: options.validators.as_deref(),
        };
        self.client.send(&outgoing).await
    }

    /// The body from the task if its signature fits, otherwise the stored body with a new signature. The
    /// signature doesn't fit if the subscription's secret, signer, digest or content type has changed since,
    /// or if the task was tampered with.
    async fn signed_body(
        &self,
        event: &ChunkEvent,
        delivery: &ChunkDelivery,
        recipient: &Recipient,
    ) -> Result<(Bytes, Option<String>), Error> {
        let destination = recipient.destination();
        let content_type = destination.content_type;
        if delivery.content_type == content_type
            && let Some(body) = event.bodies.get(content_type)
            && (delivery.is_signed_for(recipient) || destination.signing.fits(body, delivery.hook_hmac.as_deref()))
        {
            return Ok((body.clone(), delivery.hook_hmac.clone()));
        }
        // Rare and large. The box keeps the future of every other delivery small.
        Box::pin(self.signed_anew(event.id, destination)).await
    }

    async fn signed_anew(&self, id: EventId, destination: &Destination) -> Result<(Bytes, Option<String>), Error> {
        tracing::info!("the task's signature doesn't fit the subscription; signing the stored event again");
        let (name, body) = self.name_and_body(id).await?;
        sign_stored(&name, &body, destination)
    }

    /// The name and the body of an event, from its row.
    pub(super) async fn name_and_body(&self, id: EventId) -> Result<(String, String), Error> {
        let not_found = || Error::NotFound { what: "event", id: id.to_string() };
        let row = event::Entity::find_by_id(id.as_uuid()).one(&self.db).await?.ok_or_else(not_found)?;
        Ok((row.name, row.body))
    }
}

/// Encodes the stored body in the destination's content type and signs it.
fn sign_stored(name: &str, body: &str, destination: &Destination) -> Result<(Bytes, Option<String>), Error> {
    let body = encode_body(destination.content_type, body)
        .map_err(|source| Error::Payload { event: name.to_owned(), source })?
        .into_owned();
    let hook_hmac = destination.signing.hook_hmac(body.as_bytes());
    Ok((body.into(), hook_hmac))
}

/// Signs the body of a raw event. The relay doesn't, because it never reads one.
fn sign_raw(event: &ChunkEvent, destination: &Destination) -> Result<(Bytes, Option<String>), Error> {
    let not_found = || Error::NotFound { what: "payload of event", id: event.id.to_string() };
    let body = event.raw.as_ref().ok_or_else(not_found)?.bytes.clone();
    let signature = match event.topic() {
        Some(_) => destination.signing.hub_signature(&body),
        None => destination.signing.hook_hmac(&body),
    };
    Ok((body, signature))
}

/// An attempt that failed before a request was sent.
pub(super) fn unsent(attempted_at: Timestamp, error: String) -> Attempt {
    Attempt {
        outcome: Outcome::Unreachable,
        attempted_at,
        duration: Timestamp::now().since(attempted_at),
        status: None,
        response: None,
        error: Some(error),
        retry_after: None,
    }
}
