//! A webhook, and what a caller may say of one.

use crate::{signing::Secret, tables::webhook::Model, timestamp::Timestamp};

/// A URL with a name, which gets the events that it is linked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The id. It is never given again.
    pub id: i64,
    /// A name for people. No two webhooks of one owner have the same.
    pub name: String,
    /// The URL that deliveries go to.
    pub url: String,
    /// The ids of the event types that the webhook is linked with, in ascending order.
    pub events: Vec<i64>,
    /// When the webhook was created.
    pub created_at: Timestamp,
    /// When the webhook was last changed.
    pub updated_at: Timestamp,
}

/// A webhook to create.
///
/// # Examples
///
/// ```
/// use thorn_core::webhook::NewWebhook;
///
/// let new = NewWebhook::new("shop", "https://shop.example/hook").events([1, 2]);
/// assert_eq!(new.events, [1, 2]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct NewWebhook {
    /// A name of at most 200 characters for people, which the owner has given to no other webhook.
    pub name: String,
    /// The URL that deliveries go to.
    pub url: String,
    /// The ids of event types of the same owner.
    pub events: Vec<i64>,
    /// The secret that signs deliveries. Default: thorn generates one.
    pub secret: Option<Secret>,
}

impl NewWebhook {
    /// A webhook that is linked with no event, with a generated secret.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self { name: name.into(), url: url.into(), ..Self::default() }
    }

    /// Links it with these event types.
    #[must_use]
    pub fn events(mut self, ids: impl IntoIterator<Item = i64>) -> Self {
        self.events = ids.into_iter().collect();
        self
    }
}

/// A change of a webhook. Parts that are left out stay as they are.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// The new name.
    pub name: Option<String>,
    /// The new URL. Deliveries that wait for another attempt go there, too.
    pub url: Option<String>,
    /// The event types that the webhook is linked with from now on. Links that it has already aren't touched.
    pub events: Option<Vec<i64>>,
    /// The new secret.
    pub secret: Option<Secret>,
}

impl Webhook {
    pub(super) fn new(row: &Model, events: Vec<i64>) -> Self {
        Self {
            id: row.id,
            name: row.name.clone(),
            url: row.url.clone(),
            events,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        }
    }
}
