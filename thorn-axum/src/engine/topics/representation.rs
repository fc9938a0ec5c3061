//! The JSON of a topic.

use serde::Serialize;
use thorn_core::{EventId, TopicId, timestamp::Timestamp, topic::Topic};

#[derive(Serialize)]
pub(super) struct Representation<'a> {
    id: TopicId,
    url: &'a str,
    owner: Option<&'a str>,
    /// Whether somebody registered it. Otherwise it is there because somebody subscribed to it.
    registered: bool,
    /// The hub and the topic's URL as deliveries name them.
    hub: &'a str,
    #[serde(rename = "self")]
    own: &'a str,
    media_type: Option<&'a str>,
    latest_event: Option<EventId>,
    created_at: Timestamp,
    pinged_at: Option<Timestamp>,
    fetched_at: Option<Timestamp>,
    failures: u32,
}

impl<'a> Representation<'a> {
    pub(super) fn new(topic: &'a Topic) -> Self {
        Self {
            id: topic.id,
            url: &topic.url,
            owner: topic.owner.as_deref(),
            registered: topic.registered,
            hub: topic.hub(),
            own: topic.own_url(),
            media_type: topic.media_type.as_deref(),
            latest_event: topic.latest_event,
            created_at: topic.created_at,
            pinged_at: topic.pinged_at,
            fetched_at: topic.fetched_at,
            failures: topic.failures,
        }
    }
}
