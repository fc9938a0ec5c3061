//! Webhooks of the Hooks app: URLs with a name, each linked with any number of declared events.
//!
//! Each link is a [subscription](crate::subscription) of its own, which only the webhook can change or delete. It is
//! written in the same transaction. All links of a webhook have its URL and its secret.

mod entry;
mod events;
mod links;
mod reseal;
mod secret;
mod store;

pub use crate::catalogue::{EventType, Listed};
pub use entry::{NewWebhook, Webhook, WebhookChange};
pub(crate) use reseal::reseal;
pub use store::Webhooks;
