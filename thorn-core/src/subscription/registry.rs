//! The registry: all enabled subscriptions in memory, ready for matching and kept up to date.

mod changes;
mod compiled;
mod packed_rows;
mod ranges;
mod refresh;

use std::sync::{Arc, PoisonError, RwLock, atomic::AtomicU64};

use tokio::sync::Mutex;

use self::compiled::Compiled;
use super::{entry::Subscription, foreign_store::SubscriptionStore};
use crate::{
    endpoint::Endpoints,
    error::Error,
    id::{SubscriptionId, TopicId},
    signing::SecretKey,
};

/// How many rows one query reads. A row takes a few hundred bytes.
const PAGE: usize = 1000;

/// All enabled subscriptions, in memory.
///
/// A registry starts empty. [`refresh`](Self::refresh) reads the changes from the database; it costs one small query
/// while nothing has changed.
#[derive(Debug)]
pub struct Registry {
    /// Replaces thorn's table if it is set.
    store: Option<Arc<dyn SubscriptionStore>>,
    key: Option<SecretKey>,
    /// How many rows one query reads.
    page: usize,
    compiled: RwLock<Compiled>,
    endpoints: Endpoints,
    /// How many refreshes have begun.
    begun: AtomicU64,
    /// The lock lets only one refresh read at a time, so that an earlier refresh can't overwrite the result of a later
    /// one.
    refreshing: Mutex<Refreshed>,
}

/// The last refresh that succeeded.
#[derive(Debug, Default)]
struct Refreshed {
    /// Its number.
    number: u64,
    /// The version that it reached. The registry holds no subscription whose deletion has this version or a lower one.
    version: i64,
}

impl Registry {
    /// Creates an empty registry that decrypts secrets and headers with `key`.
    #[must_use]
    pub fn new(key: Option<SecretKey>) -> Self {
        Self {
            store: None,
            key,
            page: PAGE,
            compiled: RwLock::default(),
            endpoints: Endpoints::default(),
            begun: AtomicU64::new(0),
            refreshing: Mutex::default(),
        }
    }

    /// Reads subscriptions from `store` instead of thorn's table.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn SubscriptionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Appends every subscription that [matches](Subscription::matches) the event to `out`, once each and in no order.
    pub fn matching(&self, event: &str, sender: Option<&str>, broadcast: bool, out: &mut Vec<Arc<Subscription>>) {
        self.read(|compiled| compiled.matcher.matching(event, sender, broadcast, out));
    }

    /// Does the same as [`matching`](Self::matching) for one of thorn's internal events. Patterns that begin with a wildcard
    /// don't match those.
    pub(crate) fn matching_internal(&self, event: &str, sender: Option<&str>, out: &mut Vec<Arc<Subscription>>) {
        self.matching(event, sender, false, out);
        out.retain(|subscription| !subscription.spec.pattern.is_of_every_kind());
    }

    /// The enabled subscriptions of a hub's topic, in no order. The lease of some may be over.
    pub(crate) fn of_topic(&self, topic: TopicId) -> Vec<Arc<Subscription>> {
        let of_topic = |compiled: &Compiled| Some(compiled.by_topic.get(&topic)?.values().cloned().collect());
        self.read(of_topic).unwrap_or_default()
    }

    /// Returns the subscription if it is enabled and readable.
    #[must_use]
    pub fn get(&self, id: SubscriptionId) -> Option<Arc<Subscription>> {
        self.read(|compiled| compiled.by_id.get(&id).map(|one| Arc::clone(&one.0)))
    }

    /// Fails while an enabled subscription can't be read.
    ///
    /// Callers must not fan out events or cancel deliveries meanwhile: the subscription would lose events.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] with the reason for one of the unreadable subscriptions.
    pub fn check_readable(&self) -> Result<(), Error> {
        match self.read(|compiled| compiled.unreadable.values().next().cloned()) {
            None => Ok(()),
            Some(reason) => Err(Error::option("secret key", reason)),
        }
    }

    /// Whether this subscription is enabled but can't be read.
    #[must_use]
    pub fn is_unreadable(&self, id: SubscriptionId) -> bool {
        self.read(|compiled| compiled.unreadable.contains_key(&id))
    }

    /// The endpoints of subscriptions and of recipients that events name themselves.
    pub(crate) const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The key that decrypts secrets and headers.
    pub(crate) const fn key(&self) -> Option<&SecretKey> {
        self.key.as_ref()
    }

    /// The number of enabled subscriptions that can be read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read(|compiled| compiled.by_id.len())
    }

    /// The number of these whose deliveries are held.
    pub(crate) fn held(&self) -> u64 {
        self.read(|compiled| compiled.by_id.iter().filter(|one| one.0.held.is_some()).count()) as u64
    }

    /// Whether the registry holds no subscription.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The version that this registry has reached; 0 before the first write.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.read(|compiled| compiled.version)
    }

    fn read<T>(&self, read: impl FnOnce(&Compiled) -> T) -> T {
        read(&self.compiled.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
