//! Subscribers of one event, as its row keeps them, beside the event's options.

use sea_orm::{DbErr, prelude::Uuid};
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    headers::ExtraHeaders,
    id::SubscriptionId,
    pattern::Pattern,
    rendered::EventOptions,
    signing::{Part, Secret, SecretError, SecretKey, seal, unseal},
    spec::Subscriber,
    subscription::Subscription,
    tables::event::Model as EventRow,
    timestamp::Timestamp,
};

/// The column `options`.
#[derive(Serialize)]
struct Column<'a> {
    #[serde(flatten)]
    options: &'a EventOptions,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscribers: Vec<Stored>,
}

/// The part of that column which never leaves the database.
#[derive(Deserialize)]
struct Secluded {
    #[serde(default)]
    subscribers: Vec<Stored>,
}

/// A subscriber in the column; digest and signer are read when they are needed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Stored {
    id: Uuid,
    url: String,
    /// Sealed if there is a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    digest: String,
    signer: String,
    content_type: String,
}

/// The text of the column for an event, if it needs one.
pub(super) fn column(
    options: &EventOptions,
    subscribers: &[Subscriber],
    key: Option<&SecretKey>,
) -> Result<Option<String>, Error> {
    if options.is_default() && subscribers.is_empty() {
        return Ok(None);
    }
    let subscribers = subscribers.iter().map(|subscriber| stored(subscriber, key)).collect::<Result<_, _>>()?;
    let text = serde_json::to_string(&Column { options, subscribers });
    text.map(Some).map_err(|error| Error::option("options of an event", error.to_string()))
}

fn stored(subscriber: &Subscriber, key: Option<&SecretKey>) -> Result<Stored, SecretError> {
    let id = subscriber.subscription_id();
    let seal = |secret: &Secret| seal(secret.expose(), Part::Secret, id, key);
    Ok(Stored {
        id: id.as_uuid(),
        url: subscriber.url.clone(),
        secret: subscriber.secret.as_ref().map(seal).transpose()?,
        digest: subscriber.digest.to_string(),
        signer: subscriber.signer.to_string(),
        content_type: subscriber.content_type.to_string(),
    })
}

/// The subscribers that an event brought.
pub(crate) fn subscribers(event: &EventRow) -> Vec<Stored> {
    let Some(text) = event.options.as_deref().filter(|text| text.contains("\"subscribers\"")) else {
        return Vec::new();
    };
    match serde_json::from_str::<Secluded>(text) {
        Ok(part) => part.subscribers,
        Err(_) => {
            // What serde says may quote a URL.
            tracing::error!(event.id = %event.id, "the event's own subscribers can't be read; it goes to the others only");
            Vec::new()
        }
    }
}

impl Stored {
    pub(crate) const fn id(&self) -> SubscriptionId {
        SubscriptionId::from_uuid(self.id)
    }

    /// As the relay needs it, who signs nothing for it: without the secret.
    pub(crate) fn unsigned(&self, event: &EventRow) -> Result<Subscription, Error> {
        self.subscription(event, None)
    }

    /// As it is delivered to.
    pub(crate) fn open(&self, event: &EventRow, key: Option<&SecretKey>) -> Result<Subscription, Error> {
        let secret = self.secret.as_ref().map(|sealed| unseal(sealed, Part::Secret, self.id(), key)).transpose()?;
        self.subscription(event, secret.map(Secret::new))
    }

    fn subscription(&self, event: &EventRow, secret: Option<Secret>) -> Result<Subscription, Error> {
        let unreadable = |what: &dyn std::fmt::Display| {
            Error::Database(DbErr::Type(format!("subscriber {} of event {}: {what}", self.id, event.id)))
        };
        let at = Timestamp::from_millis(event.created_at);
        Ok(Subscription {
            id: self.id(),
            owner: None,
            pattern: Pattern::parse(&event.name).map_err(|error| unreadable(&error))?,
            filter: None,
            url: self.url.clone(),
            secret,
            digest: self.digest.parse().map_err(|error| unreadable(&error))?,
            signer: self.signer.parse().map_err(|error| unreadable(&error))?,
            content_type: self.content_type.parse().map_err(|error| unreadable(&error))?,
            headers: ExtraHeaders::default(),
            source: None,
            disabled: None,
            failing_since: None,
            created_at: at,
            updated_at: at,
            created_version: 0,
            version: 0,
            hears_version: 0,
        })
    }
}

/// The event's options, if it has any.
pub(crate) fn stored_options(row: &EventRow) -> Option<EventOptions> {
    row.options.as_deref().map(EventOptions::of_stored)
}
