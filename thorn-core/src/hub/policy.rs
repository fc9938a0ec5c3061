//! Which topics the hub distributes.

use super::{
    refusal::{HubError, HubRefusal},
    subscribing::Hub,
};
use crate::{
    config::HubMode,
    topic::{Topic, TopicUrl, Topics},
};

impl Hub<'_> {
    /// Refuses a topic that the hub doesn't distribute, or that has no place for another subscription.
    pub(super) async fn check_topic(&self, url: &TopicUrl, is_renewed: bool) -> Result<(), HubError> {
        let topic = self.check_is_distributed(url).await?.map(|topic| topic.id);
        let bounds = self.config.server.hub_rates.bounds();
        if !is_renewed && !bounds.leave_a_place(self.db, topic).await? {
            return Err(HubRefusal::Full("the hub has no place for another subscription").into());
        }
        Ok(())
    }

    /// Refuses a topic that the hub doesn't distribute. Returns the topic if the hub knows it.
    ///
    /// An open hub takes topics that it doesn't know. It looks at the links that they advertise once the callback has
    /// confirmed.
    pub(super) async fn check_is_distributed(&self, url: &TopicUrl) -> Result<Option<Topic>, HubError> {
        let topic = Topics::new(self.db).find(url).await?;
        let is_registered = topic.as_ref().is_some_and(|topic| topic.registered);
        let server = &self.config.server;
        if !is_registered && !server.takes_unregistered(url) {
            return Err(HubRefusal::UnknownTopic.into());
        }
        if let (false, HubMode::Open, Some(topic)) = (is_registered, server.hub, &topic)
            && topic.advertises_another_hub()
        {
            let reason = "it advertises another hub, or another URL of its own; subscribe to that".to_owned();
            return Err(HubRefusal::Parameter { name: "hub.topic", reason }.into());
        }
        Ok(topic)
    }
}

impl Topic {
    /// Whether the latest version of the topic, if there was one, named another hub than this one or another URL of its own.
    fn advertises_another_hub(&self) -> bool {
        let is_another = |advertised: &Option<String>, own: &str| match advertised {
            Some(advertised) => advertised.parse::<TopicUrl>().map_or(true, |url| !is_same(&url, own)),
            None => true,
        };
        self.latest_event.is_some()
            && (is_another(&self.advertised_hub, &self.hub_url) || is_another(&self.advertised_self, &self.url))
    }
}

fn is_same(url: &TopicUrl, other: &str) -> bool {
    other.parse::<TopicUrl>().is_ok_and(|other| other == *url)
}
