//! One attempt: the body with its signature, and the request.

use bytes::Bytes;
use sea_orm::EntityTrait;

use super::Executor;
use crate::{
    attempt::{Attempt, Outcome},
    delivery::client::Outgoing,
    error::Error,
    fanout::{ChunkDelivery, ChunkEvent, encode_body, is_signed, sign},
    id::{DeliveryId, EventId},
    rendered::EventOptions,
    subscription::Subscription,
    tables::event,
    timestamp::Timestamp,
};

impl Executor {
    pub(super) async fn attempt(
        &self,
        id: DeliveryId,
        event: &ChunkEvent,
        delivery: &ChunkDelivery,
        row: Option<&event::Model>,
        subscription: &Subscription,
        options: &EventOptions,
    ) -> Attempt {
        let signed = match row {
            // The relay has signed nothing for it.
            Some(row) => sign_stored(row, subscription),
            None => self.signed_body(event, delivery, subscription).await,
        };
        let (body, hook_hmac) = match signed {
            Ok(signed) => signed,
            Err(error) => {
                return unsent(Timestamp::now(), format!("the body can't be read from the database: {error}"));
            }
        };
        let outgoing = Outgoing {
            delivery: id,
            subscription: subscription.id,
            event: &event.name,
            url: &subscription.url,
            content_type: subscription.content_type,
            secret: subscription.secret.as_ref(),
            hook_hmac: hook_hmac.as_deref(),
            body,
            subscription_headers: &subscription.headers,
            headers: &options.headers,
            timeout: options.timeout.unwrap_or(self.defaults.timeout),
            keep_alive: options.keep_alive,
            validators: options.validators.as_deref(),
        };
        self.client.send(&outgoing).await
    }

    /// The body from the task, if its signature fits; else the event's own, signed anew. It doesn't
    /// fit when the subscription's secret, signer, digest or content type was changed meanwhile, or
    /// somebody changed the task.
    async fn signed_body(
        &self,
        event: &ChunkEvent,
        delivery: &ChunkDelivery,
        subscription: &Subscription,
    ) -> Result<(Bytes, Option<String>), Error> {
        let content_type = subscription.content_type;
        if delivery.content_type == content_type
            && let Some(body) = event.bodies.sent(content_type)
            && is_signed(subscription, &body, delivery.hook_hmac.as_deref())
        {
            return Ok((body, delivery.hook_hmac.clone()));
        }
        // Rare and large: boxed, because every delivery under way has room for what isn't.
        Box::pin(self.signed_anew(event.id, subscription)).await
    }

    async fn signed_anew(&self, id: EventId, subscription: &Subscription) -> Result<(Bytes, Option<String>), Error> {
        tracing::info!("the task's signature doesn't fit the subscription; signing the stored event anew");
        let not_found = || Error::NotFound { what: "event", id: id.to_string() };
        let row = event::Entity::find_by_id(id.as_uuid()).one(&self.db).await?.ok_or_else(not_found)?;
        sign_stored(&row, subscription)
    }
}

/// The stored body as the subscription wants it.
fn sign_stored(row: &event::Model, subscription: &Subscription) -> Result<(Bytes, Option<String>), Error> {
    let body = encode_body(subscription.content_type, &row.body)
        .map_err(|source| Error::Payload { event: row.name.clone(), source })?
        .into_owned();
    let hook_hmac = sign(subscription, body.as_bytes());
    Ok((body.into(), hook_hmac))
}

/// An attempt that failed on our side.
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
