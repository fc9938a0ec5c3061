//! Generates many subscriptions on demand, so that only the registry takes memory.

use std::{fmt, sync::Arc};

use sea_orm::{DatabaseConnection, prelude::Uuid};
use thorn::{
    Error, SubscriptionId, async_trait,
    signing::{Secret, Signing},
    subscription::{
        __bench::Registry, Access, ChangeSubscription, Destination, Dialect, MakeSubscription, Page, Pattern,
        StoredChange, Subscription, SubscriptionSpec, SubscriptionStore,
    },
    timestamp::Timestamp,
};

pub(crate) const EVENT: &str = "article.comment.created";
pub(crate) const SENDER: Option<&str> = Some("alice");

/// The owners and patterns of the subscriptions that match [`EVENT`] in every kind.
const MATCHING: [(Option<&str>, &str); 6] = [
    (None, EVENT),
    (Some("alice"), "article.*"),
    (Some("alice"), "article.*.created"),
    (None, "*.comment.created"),
    (None, "**.created"),
    (None, "*"),
];

/// The set of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The six matching subscriptions, and others that match other events. Their patterns are exact names, or
    /// have a wildcard at the end, in the middle or in front, and each has its own words.
    Mixed,
    /// The six matching subscriptions, and subscriptions of other owners to the same event, ten for each
    /// owner.
    Tenants,
    /// A thousand matching subscriptions, and others as in `Mixed`.
    Thousand,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mixed | Self::Thousand => "of other patterns",
            Self::Tenants => "of other owners",
        })
    }
}

impl Kind {
    fn subscription(self, n: usize) -> Option<Subscription> {
        let other = n / 4;
        let text = match (self, n % 4) {
            (Self::Tenants, 0) => EVENT.to_owned(),
            (Self::Tenants, 1) => "article.*".to_owned(),
            (Self::Tenants, 2) => "article.*.created".to_owned(),
            (Self::Tenants, _) => "**.created".to_owned(),
            (_, 0) => format!("shop{other}.order.created"),
            (_, 1) => format!("shop{other}.*"),
            (_, 2) => format!("*.order{other}.created"),
            (_, _) => format!("**.removed{other}"),
        };
        let owner = format!("owner-{}", n / 10);
        let (owner, text) = match MATCHING.get(n) {
            Some((owner, text)) => (owner.map(str::to_owned), (*text).to_owned()),
            None if self == Self::Thousand && n < 1_000 => (None, "article.*".to_owned()),
            None => (Some(owner), text),
        };
        let version = i64::try_from(n).ok()? + 1;
        let at = Timestamp::from_millis(1_795_300_000_000);
        Some(Subscription {
            // Ids are in order, like real ids of version 7.
            id: SubscriptionId::from_uuid(Uuid::from_u128((0x01a2_01d1_7087 << 80) + n as u128)),
            owner,
            spec: SubscriptionSpec {
                pattern: Pattern::parse(&text).ok()?,
                filter: None,
                destination: Destination {
                    signing: Signing::with(Secret::new(format!("whsec_{n:056}"))),
                    ..Destination::new(format!("https://receiver-{n}.example.com/webhooks/thorn"))
                },
                rate: None,
                max_in_flight: None,
                dialect: Dialect::default(),
            },
            source: None,
            disabled: None,
            failing_since: None,
            warned: None,
            paused_at: None,
            held: None,
            lease: None,
            confirmation: None,
            created_at: at,
            updated_at: at,
            created_version: version,
            version,
            matches_version: version,
        })
    }
}

/// An event that two of the other subscriptions in [`Kind::Mixed`] match, and its sender, the owner of the
/// first.
pub(crate) fn event(other: usize) -> (String, String) {
    (format!("shop{other}.order.created"), format!("owner-{}", other * 4 / 10))
}

/// A registry with this many subscriptions.
pub(crate) fn registry(kind: Kind, subscriptions: usize) -> anyhow::Result<Registry> {
    let registry = Registry::new(None).with_store(Arc::new(Store { kind, subscriptions }));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(registry.refresh(&DatabaseConnection::default()))?;
    Ok(registry)
}

#[derive(Debug)]
struct Store {
    kind: Kind,
    subscriptions: usize,
}

fn read_only<T>() -> Result<T, Error> {
    Err(Error::Store { source: "this store is read-only".into() })
}

#[async_trait]
impl SubscriptionStore for Store {
    async fn list(&self, _: Access<'_>, _: Page) -> Result<Vec<Subscription>, Error> {
        read_only()
    }

    async fn find(&self, _: SubscriptionId) -> Result<Option<Subscription>, Error> {
        read_only()
    }

    async fn insert(&self, _: &MakeSubscription<'_>) -> Result<Subscription, Error> {
        read_only()
    }

    async fn update(&self, _: SubscriptionId, _: &ChangeSubscription<'_>) -> Result<Option<Subscription>, Error> {
        read_only()
    }

    async fn delete(&self, _: SubscriptionId) -> Result<bool, Error> {
        read_only()
    }

    async fn version(&self) -> Result<i64, Error> {
        Ok(i64::try_from(self.subscriptions).unwrap_or(i64::MAX))
    }

    async fn changes(&self, after: i64, limit: usize) -> Result<Vec<StoredChange>, Error> {
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let made = (after..self.subscriptions).take(limit).filter_map(|n| self.kind.subscription(n));
        Ok(made.map(|one| StoredChange { id: one.id, version: one.version, subscription: Some(one) }).collect())
    }
}
