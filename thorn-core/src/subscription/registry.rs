//! The registry: all enabled subscriptions in memory, ready for matching and kept up to date.

mod compiled;

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::Mutex;

use self::compiled::{Compiled, RegistryChange, SubscriptionState};
use super::{
    entry::Subscription,
    foreign_store::{StoredChange, SubscriptionStore},
    row, write,
};
use crate::{
    endpoint::Endpoints,
    error::Error,
    id::SubscriptionId,
    signing::SecretKey,
    tables::subscription::{Column, Entity, Model},
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
    /// The number of the last refresh that succeeded. The lock lets only one refresh read at a time, so that an earlier
    /// refresh can't overwrite the result of a later one.
    refreshing: Mutex<u64>,
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
            refreshing: Mutex::new(0),
        }
    }

    /// Reads subscriptions from `store` instead of thorn's table.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn SubscriptionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Reads the changes since the last refresh and returns the version that the registry has reached.
    ///
    /// The result includes everything that was committed before the call. The relay refreshes after it claims events and
    /// before it matches them, so no event misses a subscription that is older than the event.
    ///
    /// A subscription that can't be read, for example because the key is wrong, is logged and left out.
    /// [`check_readable`](Self::check_readable) fails until the subscription can be read.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] or [`Error::Store`] if reading fails. The registry keeps the changes it has read so far, and
    /// the next call continues from there.
    pub async fn refresh<C: ConnectionTrait>(&self, db: &C) -> Result<i64, Error> {
        let begun_before = self.begun.load(Ordering::SeqCst);
        let mut succeeded = self.refreshing.lock().await;
        if *succeeded > begun_before {
            // Another refresh began after this call and has succeeded, so it includes all that this call needs.
            return Ok(self.version());
        }
        let this = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let version = self.read_changes(db).await?;
        *succeeded = this;
        Ok(version)
    }

    async fn read_changes<C: ConnectionTrait>(&self, db: &C) -> Result<i64, Error> {
        let newest = match &self.store {
            Some(store) => store.version().await?,
            None => write::version(db).await?,
        };
        let mut version = self.version();
        if version >= newest {
            return Ok(version);
        }
        // Each version belongs to one row, and a write gives its row a higher version. A row that is written meanwhile
        // must be found at its new version, so the query has no upper bound. The last page is the first that isn't full.
        loop {
            let changes = self.changes(db, version).await?;
            let complete = changes.len() < self.page;
            version = changes.last().map_or(version, |change| change.version);
            if complete {
                // The row with the newest version may have been removed from the table.
                version = version.max(newest);
            }
            self.apply(changes, version);
            if complete {
                return Ok(version);
            }
        }
    }

    /// Appends every subscription that [matches](Subscription::matches) the event to `out`, once each and in no order.
    pub fn matching(&self, event: &str, sender: Option<&str>, broadcast: bool, out: &mut Vec<Arc<Subscription>>) {
        self.read(|compiled| compiled.matcher.matching(event, sender, broadcast, out));
    }

    /// Does the same as [`matching`](Self::matching) for one of thorn's internal events. Patterns that begin with a wildcard
    /// don't match those.
    pub(crate) fn matching_internal(&self, event: &str, sender: Option<&str>, out: &mut Vec<Arc<Subscription>>) {
        self.matching(event, sender, false, out);
        out.retain(|subscription| !subscription.pattern.is_of_every_kind());
    }

    /// Returns the subscription if it is enabled and readable.
    #[must_use]
    pub fn get(&self, id: SubscriptionId) -> Option<Arc<Subscription>> {
        self.read(|compiled| compiled.by_id.get(&id).cloned())
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

    /// Reads at most one page of changes after `version`, in the order of their versions.
    async fn changes<C: ConnectionTrait>(&self, db: &C, version: i64) -> Result<Vec<RegistryChange>, Error> {
        if let Some(store) = &self.store {
            let changes = store.changes(version, self.page).await?;
            let state = |subscription: Option<Subscription>| match subscription {
                Some(subscription) if subscription.disabled.is_none() => {
                    SubscriptionState::Enabled(Arc::new(subscription))
                }
                _ => SubscriptionState::Inactive,
            };
            let change =
                |one: StoredChange| RegistryChange { id: one.id, version: one.version, state: state(one.subscription) };
            return Ok(changes.into_iter().map(change).collect());
        }
        let rows = Entity::find().filter(Column::Version.gt(version)).order_by_asc(Column::Version);
        let rows = rows.limit(self.page as u64).all(db).await?;
        // Decrypting is slow, so it happens before the write lock is taken and doesn't delay matching.
        let change = |row: Model| RegistryChange {
            id: SubscriptionId::from_uuid(row.id),
            version: row.version,
            state: self.state_of(row),
        };
        Ok(rows.into_iter().map(change).collect())
    }

    fn apply(&self, changes: Vec<RegistryChange>, version: i64) {
        let mut compiled = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            compiled.replace(change.id, change.state);
        }
        compiled.version = version;
    }

    fn state_of(&self, row: Model) -> SubscriptionState {
        if row.deleted_at.is_some() || row.disabled_at.is_some() {
            return SubscriptionState::Inactive;
        }
        let id = row.id;
        match row::read(row, self.key.as_ref()) {
            Ok(subscription) => SubscriptionState::Enabled(Arc::new(subscription)),
            Err(error) => {
                tracing::error!(subscription.id = %id, %error, "a subscription can't be read");
                SubscriptionState::Unreadable(error.to_string())
            }
        }
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
