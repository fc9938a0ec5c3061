//! An event in the form of its row, parsed once.

use sea_orm::{DbErr, prelude::Uuid};
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    id::{EventId, SubscriptionId, TopicId},
    rendered::{EventOptions, RawHead, RenderedEvent},
    signing::{SealedColumn, SealedPlace, Secret, SecretError, SecretKey, Signing, seal, unseal},
    spec::{Destination, Subscriber},
    tables::event::Model,
    tenant::Tenant,
    timestamp::Timestamp,
};

/// A row of `thorn_event` with its column `options` parsed.
#[derive(Debug)]
pub(crate) struct StoredEvent {
    pub(crate) id: EventId,
    pub(crate) name: String,
    pub(crate) sender: Option<String>,
    pub(crate) broadcast: bool,
    pub(crate) body: String,
    /// `None` stands for the defaults.
    pub(crate) options: Option<EventOptions>,
    /// Subscribers that the event brought.
    pub(crate) subscribers: Vec<StoredSubscriber>,
    /// The recipient of the news that a delivery to one of them failed for good.
    pub(crate) errback: Option<StoredSubscriber>,
    /// The recipient of the responses of those that succeed.
    pub(crate) callback: Option<StoredSubscriber>,
    /// Whether the response to the first attempt is kept.
    pub(crate) keeps_first_response: bool,
    /// The dispatcher that takes the event instead of the relay.
    pub(crate) dispatcher: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) relayed_at: Option<Timestamp>,
    /// The registry's version that the event was fanned out with.
    pub(crate) registry_version: Option<i64>,
    pub(crate) audit_at: Option<Timestamp>,
}

/// The column `options`: the event's options, and the subscribers that the event brought.
///
/// A task carries only the options, so that the data of subscribers never leaves the database.
#[derive(Serialize)]
struct OptionsColumn<'a> {
    #[serde(flatten)]
    options: &'a EventOptions,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subscribers: Vec<StoredSubscriber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errback: Option<StoredSubscriber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback: Option<StoredSubscriber>,
    #[serde(rename = "first_response", skip_serializing_if = "std::ops::Not::not")]
    keeps_first_response: bool,
}

/// The subscribers in the column `options`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SubscribersInColumn {
    subscribers: Vec<StoredSubscriber>,
    errback: Option<StoredSubscriber>,
    callback: Option<StoredSubscriber>,
    #[serde(rename = "first_response")]
    keeps_first_response: bool,
}

/// A subscriber that an event brought, in the form of the event's row.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredSubscriber {
    id: Uuid,
    url: String,
    /// Sealed if there is a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    digest: String,
    signer: String,
    content_type: String,
}

/// Shows neither the URL nor the secret.
impl std::fmt::Debug for StoredSubscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredSubscriber").field("id", &self.id).finish_non_exhaustive()
    }
}

impl From<Model> for StoredEvent {
    fn from(row: Model) -> Self {
        let text = row.options.as_deref();
        let SubscribersInColumn { subscribers, errback, callback, keeps_first_response } =
            text.map(|text| subscribers(row.id, text)).unwrap_or_default();
        Self {
            id: EventId::from_uuid(row.id),
            options: text.map(EventOptions::of_stored),
            subscribers,
            errback,
            callback,
            keeps_first_response,
            name: row.name,
            sender: row.sender,
            broadcast: row.broadcast,
            body: row.body,
            dispatcher: row.dispatcher,
            created_at: Timestamp::from_millis(row.created_at),
            relayed_at: row.relayed_at.map(Timestamp::from_millis),
            registry_version: row.registry_version,
            audit_at: row.audit_at.map(Timestamp::from_millis),
        }
    }
}

impl StoredEvent {
    /// Whether the event is one of thorn's own.
    pub(crate) fn is_internal(&self) -> bool {
        self.options.as_ref().is_some_and(|options| options.internal)
    }

    /// Whether the event is raw. The body of an enveloped event is never empty.
    pub(crate) fn is_raw(&self) -> bool {
        self.body.is_empty()
    }

    /// The head of a raw event.
    pub(crate) fn raw_head(&self) -> Option<&RawHead> {
        self.options.as_ref().and_then(|options| options.raw.as_deref())
    }

    /// The topic of the hub that the event is a new version of.
    pub(crate) fn topic(&self) -> Option<TopicId> {
        Some(self.raw_head()?.topic.as_ref()?.id)
    }

    /// For whom deliveries to the event's own subscribers are made: the caller of a dispatch, otherwise the operator,
    /// whose application named them.
    pub(crate) fn tenant(&self) -> Tenant {
        Tenant::of(self.sender.as_deref().filter(|_| self.is_internal()))
    }

    /// The event's own timeout for an attempt.
    pub(crate) fn timeout(&self) -> Option<std::time::Duration> {
        self.options.as_ref().and_then(|options| options.timeout)
    }

    /// Whether somebody is told about deliveries to the event's own subscribers.
    pub(crate) const fn has_reports(&self) -> bool {
        self.errback.is_some() || self.callback.is_some() || self.keeps_first_response
    }

    /// Whether the response to an attempt may be wanted that follows so many others.
    pub(crate) const fn wants_response(&self, attempts: u32) -> bool {
        self.callback.is_some() || self.keeps_first_response && attempts == 0
    }

    /// The subscriber with this id, if the event brought one.
    pub(crate) fn subscriber(&self, id: SubscriptionId) -> Option<&StoredSubscriber> {
        self.subscribers.iter().find(|subscriber| subscriber.id() == id)
    }
}

/// The text of the column `options` for an event. `None` if everything is the default.
pub(super) fn options_column(event: &RenderedEvent, key: Option<&SecretKey>) -> Result<Option<String>, Error> {
    let RenderedEvent { options, recipients, errback, callback, keeps_first_response, .. } = event;
    let has_reports = errback.is_some() || callback.is_some() || *keeps_first_response;
    if options.is_default() && recipients.is_empty() && !has_reports {
        return Ok(None);
    }
    let subscribers = recipients.iter().map(|subscriber| stored(subscriber, key)).collect::<Result<_, _>>()?;
    let [errback, callback] = [errback, callback].map(|one| one.as_ref().map(|one| stored(one, key)).transpose());
    let (errback, callback, keeps_first_response) = (errback?, callback?, *keeps_first_response);
    let column = OptionsColumn { options, subscribers, errback, callback, keeps_first_response };
    let text = serde_json::to_string(&column);
    text.map(Some).map_err(|error| Error::option("options of an event", error.to_string()))
}

fn stored(subscriber: &Subscriber, key: Option<&SecretKey>) -> Result<StoredSubscriber, SecretError> {
    let id = subscriber.subscription_id();
    let Destination { url, signing, content_type, headers: _ } = &subscriber.destination;
    let seal = |secret: &Secret| seal(secret.expose(), place(id, url), key);
    Ok(StoredSubscriber {
        id: id.as_uuid(),
        url: url.clone(),
        secret: signing.secret.as_ref().map(seal).transpose()?,
        digest: signing.digest.to_string(),
        signer: signing.signer.to_string(),
        content_type: content_type.to_string(),
    })
}

/// Where a subscriber's sealed secret belongs. Such a subscriber has no owner.
const fn place(id: SubscriptionId, url: &str) -> SealedPlace<'_> {
    SealedPlace { column: SealedColumn::Secret, id, owner: None, url }
}

fn subscribers(event: Uuid, text: &str) -> SubscribersInColumn {
    match serde_json::from_str(text) {
        Ok(column) => column,
        Err(_) => {
            // The log leaves out serde's message, because it may quote a URL.
            tracing::error!(event.id = %event, "the event's own subscribers can't be read; it goes to the others only");
            SubscribersInColumn::default()
        }
    }
}

impl StoredSubscriber {
    pub(crate) const fn id(&self) -> SubscriptionId {
        SubscriptionId::from_uuid(self.id)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The subscriber as an event brings it.
    pub(crate) fn to_subscriber(&self, event: EventId, key: Option<&SecretKey>) -> Result<Subscriber, Error> {
        Ok(Subscriber::stored(self.id(), self.open(event, key)?))
    }

    /// The destination without its secret, for the relay. The relay signs nothing for this subscriber.
    pub(crate) fn without_secret(&self, event: EventId) -> Result<Destination, Error> {
        self.destination(event, None)
    }

    /// The destination with its secret, for sending.
    pub(crate) fn open(&self, event: EventId, key: Option<&SecretKey>) -> Result<Destination, Error> {
        let place = place(self.id(), &self.url);
        let secret = self.secret.as_ref().map(|sealed| unseal(sealed, place, key)).transpose()?;
        self.destination(event, secret.map(Secret::new))
    }

    fn destination(&self, event: EventId, secret: Option<Secret>) -> Result<Destination, Error> {
        let unreadable = |what: &dyn std::fmt::Display| {
            Error::Database(DbErr::Type(format!("subscriber {} of event {event}: {what}", self.id)))
        };
        let signing = Signing {
            secret,
            digest: self.digest.parse().map_err(|error| unreadable(&error))?,
            signer: self.signer.parse().map_err(|error| unreadable(&error))?,
        };
        let content_type = self.content_type.parse().map_err(|error| unreadable(&error))?;
        Ok(Destination { signing, content_type, ..Destination::new(&self.url) })
    }
}
