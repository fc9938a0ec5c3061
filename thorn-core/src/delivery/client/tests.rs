mod receiver;

mod attempt;
mod flood;
mod get;
mod guard;
mod headers;
mod pool;
mod tls;
mod validators;

use std::time::Duration;

use bytes::Bytes;

use self::receiver::{Receiver, Reply};
use super::*;
use crate::{
    endpoint::Endpoints,
    guard::Validator,
    headers::ExtraHeaders,
    id::{DeliveryId, EventId, SubscriptionId},
    signing::{Digest, Secret, hook_hmac},
    spec::ContentType,
    tenant::Tenant,
};

/// A delivery that a test sends. Tests replace the fields they need.
struct Hook {
    event: &'static str,
    secret: Option<Secret>,
    body: &'static str,
    subscription_headers: ExtraHeaders,
    headers: ExtraHeaders,
    timeout: Duration,
    keep_alive: bool,
    validators: Option<Vec<Validator>>,
    endpoints: Endpoints,
}

impl Default for Hook {
    fn default() -> Self {
        Self {
            event: "article.created",
            secret: Some(Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")),
            body: r#"{"a":1}"#,
            subscription_headers: ExtraHeaders::default(),
            headers: ExtraHeaders::default(),
            timeout: Duration::from_secs(30),
            keep_alive: true,
            validators: None,
            endpoints: Endpoints::default(),
        }
    }
}

impl Hook {
    async fn send(&self, client: &Client, url: &str) -> Attempt {
        self.send_keeping(client, url, None).await.0
    }

    async fn send_keeping(&self, client: &Client, url: &str, keep: Option<usize>) -> (Attempt, Option<KeptResponse>) {
        let subscription = SubscriptionId::generate();
        let signature = self.secret.as_ref().map(|secret| hook_hmac(Digest::Sha256, secret, self.body.as_bytes()));
        let endpoint = self.endpoints.get(Tenant::default(), url);
        let event_id = EventId::generate();
        let outgoing = Outgoing {
            delivery: DeliveryId::derive(event_id, subscription),
            subscription,
            event_id,
            event: self.event,
            tenant: Tenant::default(),
            endpoint: &endpoint,
            content: Content::Encoded(ContentType::Json),
            secret: self.secret.as_ref(),
            hook_hmac: signature.as_deref(),
            body: Bytes::from_static(self.body.as_bytes()),
            subscription_headers: &self.subscription_headers,
            headers: &self.headers,
            timeout: self.timeout,
            keep_alive: self.keep_alive,
            keep,
            validators: self.validators.as_deref(),
        };
        client.send(&outgoing).await
    }
}

fn loopback() -> TargetGuard {
    TargetGuard::new().allow_networks(["127.0.0.0/8".parse().unwrap()])
}

fn guarded_by(guard: TargetGuard) -> Client {
    Client::new(ClientConfig { guard, ..ClientConfig::default() }).unwrap()
}

/// Makes one attempt at a receiver on loopback that gives this reply.
async fn attempt(reply: Reply) -> (Attempt, Receiver) {
    attempt_within(Duration::from_secs(30), reply).await
}

async fn attempt_within(timeout: Duration, reply: Reply) -> (Attempt, Receiver) {
    let receiver = Receiver::start(reply).await;
    let hook = Hook { timeout, ..Hook::default() };
    (hook.send(&guarded_by(loopback()), &receiver.url()).await, receiver)
}
