//! A topic as its row has it.

use crate::{
    error::Error,
    id::{EventId, TopicId},
    rendered::TopicHead,
    tables::topic::Model,
    timestamp::Timestamp,
};

/// A topic of the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The topic's id.
    pub id: TopicId,
    /// The URL, in its normal spelling.
    pub url: String,
    /// The owner who registered the topic. `None` is an operator, or nobody.
    pub owner: Option<String>,
    /// Whether somebody registered the topic. Otherwise it is there because somebody subscribed to it.
    pub registered: bool,
    /// The hub's own URL.
    pub hub_url: String,
    /// The hub, as the topic advertised it with the latest version.
    pub advertised_hub: Option<String>,
    /// The topic's URL, as the topic advertised it with the latest version.
    pub advertised_self: Option<String>,
    /// The media type of the latest version.
    pub media_type: Option<String>,
    /// The event that distributes the latest version.
    pub latest_event: Option<EventId>,
    /// When the topic was registered, or first subscribed to.
    pub created_at: Timestamp,
    /// When a publisher last said that the topic has changed.
    pub pinged_at: Option<Timestamp>,
    /// When the hub last fetched the topic.
    pub fetched_at: Option<Timestamp>,
    /// How many fetches have failed since the last ping.
    pub failures: u32,
}

impl Topic {
    /// The hub and the topic as deliveries name them: as the topic advertised them, otherwise as the hub knows them.
    pub(crate) fn head(&self) -> TopicHead {
        TopicHead { id: self.id, hub: self.hub().to_owned(), own: self.own_url().to_owned() }
    }

    /// The URL of the hub, as deliveries name it.
    #[must_use]
    pub fn hub(&self) -> &str {
        self.advertised_hub.as_deref().unwrap_or(&self.hub_url)
    }

    /// The topic's own URL, as deliveries name it.
    #[must_use]
    pub fn own_url(&self) -> &str {
        self.advertised_self.as_deref().unwrap_or(&self.url)
    }

    /// The value of the header `Link` with both.
    #[must_use]
    pub fn links(&self) -> String {
        self.head().links()
    }
}

impl From<Model> for Topic {
    fn from(row: Model) -> Self {
        Self {
            id: TopicId::from_uuid(row.id),
            url: row.url,
            owner: row.owner,
            registered: row.registered,
            hub_url: row.hub_url,
            advertised_hub: row.advertised_hub,
            advertised_self: row.advertised_self,
            media_type: row.media_type,
            latest_event: row.latest_event.map(EventId::from_uuid),
            created_at: Timestamp::from_millis(row.created_at),
            pinged_at: row.pinged_at.map(Timestamp::from_millis),
            fetched_at: row.fetched_at.map(Timestamp::from_millis),
            failures: u32::try_from(row.failures).unwrap_or(0),
        }
    }
}

pub(super) fn not_found(id: TopicId) -> Error {
    Error::NotFound { what: "topic", id: id.to_string() }
}
