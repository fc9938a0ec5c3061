//! Asks the endpoint of an owner's subscription whether it wants the deliveries.

use serde_json::json;

use super::{
    PATIENCE,
    challenge::{MOST_ANSWER_BYTES, challenge, is_sent_back},
    handshake,
};
use crate::{
    attempt::Outcome,
    cloud_event::Consent,
    config::Config,
    delivery::{Client, Content, Outgoing, encode_body},
    endpoint::Endpoints,
    event::SUBSCRIPTION_CHALLENGE,
    headers::ExtraHeaders,
    id::{DeliveryId, EventId},
    intent::IntentMode,
    subscription::Subscription,
    tenant::Tenant,
};

/// The answer of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It wants the deliveries.
    Yes,
    /// It doesn't want them.
    No(Outcome),
    /// It has said neither, so it may be asked again.
    Unclear(Outcome),
}

/// Asks endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Questions {
    pub(crate) client: Client,
    pub(crate) endpoints: Endpoints,
}

impl Questions {
    /// Asks the endpoint of a subscription once.
    pub(crate) async fn ask(&self, config: &Config, mode: IntentMode, subscription: &Subscription) -> Answer {
        match mode {
            IntentMode::Options => self.shake_hands(config, subscription).await,
            _ => self.send_challenge(subscription).await,
        }
    }

    /// Sends a challenge as a delivery is sent: with the subscription's headers, and signed with its secret. An answer
    /// 2xx whose body is exactly the challenge is a yes.
    async fn send_challenge(&self, subscription: &Subscription) -> Answer {
        let challenge = match challenge() {
            Ok(challenge) => challenge,
            Err(error) => {
                tracing::error!(error, "can't ask an endpoint");
                return Answer::Unclear(Outcome::Unreachable);
            }
        };
        let destination = &subscription.spec.destination;
        let body =
            json!({ "event": SUBSCRIPTION_CHALLENGE, "ref": null, "sender": null, "data": { "challenge": challenge } });
        let Ok(body) = encode_body(destination.content_type, &body.to_string()).map(|body| body.into_owned()) else {
            return Answer::No(Outcome::Unreachable);
        };
        let hook_hmac = destination.signing.hook_hmac(body.as_bytes());
        let tenant = Tenant::of(subscription.owner.as_deref());
        let endpoint = self.endpoints.get(tenant, &destination.url);
        // A receiver that remembers ids must not take the second question for the first.
        let id = EventId::generate();
        let outgoing = Outgoing {
            delivery: DeliveryId::from_uuid(id.as_uuid()),
            subscription: subscription.id,
            event_id: id,
            event: SUBSCRIPTION_CHALLENGE,
            tenant,
            endpoint: &endpoint,
            content: Content::Encoded(destination.content_type),
            secret: destination.signing.secret.as_ref(),
            hook_hmac: hook_hmac.as_deref(),
            body: body.into(),
            subscription_headers: &destination.headers,
            headers: &ExtraHeaders::default(),
            timeout: PATIENCE,
            keep_alive: false,
            keep: Some(MOST_ANSWER_BYTES),
            validators: None,
        };
        let (attempt, answer) = self.client.send(&outgoing).await;
        match attempt.outcome {
            Outcome::Delivered if answer.is_some_and(|answer| is_sent_back(&challenge, &answer.bytes)) => Answer::Yes,
            Outcome::Delivered => Answer::No(Outcome::Rejected),
            outcome => failed(outcome, attempt.status),
        }
    }

    async fn shake_hands(&self, config: &Config, subscription: &Subscription) -> Answer {
        let url = &subscription.spec.destination.url;
        let tenant = Tenant::of(subscription.owner.as_deref());
        let endpoint = self.endpoints.get(tenant, url);
        let Ok(url) = endpoint.parsed() else { return Answer::No(Outcome::Blocked) };
        match handshake(config, &self.client, tenant, url, subscription.spec.rate).await {
            Ok((origin, Ok(got))) => match Consent::read(&origin, got.status, &got.headers) {
                Ok(_) => Answer::Yes,
                Err(_) => failed(Outcome::Rejected, Some(got.status.as_u16())),
            },
            Ok((_, Err(failure))) => failed(failure.outcome, None),
            Err(error) => {
                tracing::error!(%error, "can't ask an endpoint");
                Answer::Unclear(Outcome::Unreachable)
            }
        }
    }
}

/// An endpoint that is broken or busy may answer later.
fn failed(outcome: Outcome, status: Option<u16>) -> Answer {
    match (outcome, status) {
        (Outcome::TimedOut | Outcome::Unreachable, _) | (Outcome::Rejected, Some(429 | 500..)) => {
            Answer::Unclear(outcome)
        }
        _ => Answer::No(outcome),
    }
}
