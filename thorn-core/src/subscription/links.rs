//! The subscriptions of the Hooks app's webhooks: one for each event that a webhook is linked with.

use super::{entry::Subscription, plan::rows_of, store::Subscriptions, write::Write};
use crate::{
    error::Error,
    id::SubscriptionId,
    intent::notify_intents,
    pattern::Pattern,
    signing::{Secret, Signing},
    spec::{Destination, Dialect, SubscriptionSpec, normal_host},
};

/// A webhook, as its subscriptions need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkedWebhook<'a> {
    pub(crate) source: &'a str,
    pub(crate) owner: Option<&'a str>,
    pub(crate) url: &'a str,
    pub(crate) secret: &'a Secret,
}

/// A webhook's link with one event.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) id: SubscriptionId,
    pub(crate) pattern: Pattern,
}

impl Subscriptions {
    /// Begins the transaction that writes webhooks and their subscriptions together.
    pub(crate) async fn begin_write(&self) -> Result<Write, Error> {
        Write::begin(&self.db).await
    }

    /// Gives the links these events and the webhook's URL and secret. A link that is so already isn't touched.
    pub(crate) async fn link(
        &self,
        write: &mut Write,
        webhook: LinkedWebhook<'_>,
        links: Vec<Link>,
    ) -> Result<(), Error> {
        let wanted: Vec<_> = links.into_iter().map(|link| self.linked(webhook, link)).collect();
        let rows = rows_of(&write.transaction, wanted.iter().map(|one| one.id.as_uuid()).collect()).await?;
        let plan = self.compare(webhook.source, wanted, &rows)?;
        let added = plan.add.len();
        let host = normal_host(webhook.url);
        let moved = plan.change.iter().filter(|(_, before)| normal_host(&before.url) != host).count();
        self.carry_out(write, plan).await?;
        // The commit comes later. If the question isn't there yet, the next look finds it.
        notify_intents();
        self.check_links(&write.transaction, webhook.owner, webhook.url, added, added + moved).await
    }

    /// Ends the subscriptions of links.
    pub(crate) async fn unlink(&self, write: &mut Write, links: Vec<SubscriptionId>) -> Result<(), Error> {
        for id in links {
            write.next_row().await?;
            write.delete(id).await?;
        }
        Ok(())
    }

    /// The link's subscription, with version 0.
    fn linked(&self, webhook: LinkedWebhook<'_>, link: Link) -> Subscription {
        let LinkedWebhook { source, owner, url, secret } = webhook;
        let signing = Signing { secret: Some(secret.clone()), signer: self.signer, ..Signing::default() };
        let spec = SubscriptionSpec {
            dialect: Dialect::default(),
            pattern: link.pattern,
            filter: None,
            destination: Destination { signing, ..Destination::new(url.to_owned()) },
            rate: None,
            max_in_flight: None,
        };
        Subscription::new(link.id, owner.map(str::to_owned), Some(source.to_owned()), spec)
    }
}
