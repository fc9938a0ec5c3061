//! The registry: all subscriptions, compiled for matching, kept up to date.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::Mutex;

use super::{entry::Subscription, foreign_store::SubscriptionStore, matcher::Matcher, row, write};
use crate::{
    endpoint::Endpoints,
    error::Error,
    id::SubscriptionId,
    signing::SecretKey,
    tables::subscription::{Column, Entity, Model},
};

/// Rows read in one query; some hundred bytes each.
const PAGE: usize = 1000;

/// All enabled subscriptions, in memory.
///
/// It starts empty and follows the database with [`refresh`](Self::refresh), which costs one small
/// query while nothing has changed.
///
/// # Examples
///
/// ```
/// # async fn example(db: sea_orm::DatabaseConnection) -> Result<(), thorn_core::Error> {
/// use thorn_core::subscription::Registry;
///
/// let registry = Registry::new(None);
/// registry.refresh(&db).await?;
/// let mut hear = Vec::new();
/// registry.matching("article.created", Some("alice"), false, &mut hear);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Registry {
    /// In place of the table.
    store: Option<Arc<dyn SubscriptionStore>>,
    key: Option<SecretKey>,
    /// Rows read in one query.
    page: usize,
    compiled: RwLock<Compiled>,
    endpoints: Endpoints,
    /// Refreshes that have begun.
    begun: AtomicU64,
    /// The last one that succeeded. An earlier refresh that finishes late must not overwrite what a later
    /// one has read.
    refreshing: Mutex<u64>,
}

#[derive(Debug, Default)]
struct Compiled {
    /// Every change up to this version is in here.
    version: i64,
    by_id: HashMap<SubscriptionId, Arc<Subscription>>,
    matcher: Matcher,
    /// Enabled ones that can't be read, with the reason.
    unreadable: HashMap<SubscriptionId, String>,
}

/// A subscription as its row has it.
enum Standing {
    Enabled(Arc<Subscription>),
    Silent,
    Unreadable(String),
}

/// A subscription, the version of its change, and its state since then.
type Change = (SubscriptionId, i64, Standing);

impl Registry {
    /// An empty registry, which decrypts secrets with this key.
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

    /// Follows this store instead of thorn's table.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn SubscriptionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Takes in what has changed in the database and returns its version.
    ///
    /// Each change that was committed before the call is in the registry after it. So a relay calls this
    /// between claiming events and matching them: then no event misses a subscription that is
    /// older than itself.
    ///
    /// A subscription that can't be read, for instance because the key is wrong, is logged and left
    /// out, and [`check_readable`](Self::check_readable) fails until it can.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]; the registry then stays where it got to, and the next call goes on.
    pub async fn refresh<C: ConnectionTrait>(&self, db: &C) -> Result<i64, Error> {
        let begun_before = self.begun.load(Ordering::SeqCst);
        let mut succeeded = self.refreshing.lock().await;
        if *succeeded > begun_before {
            // Another caller's has begun since this call, and serves it as well.
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
        // Every version belongs to one row, and a row only ever moves up. So there is no upper
        // bound (a row that moves up meanwhile must be found where it went), and the end is a page
        // that isn't full.
        loop {
            let changes = self.changes(db, version).await?;
            let complete = changes.len() < self.page;
            version = changes.last().map_or(version, |(_, version, _)| *version);
            if complete {
                // The row of the newest version may be gone from the table.
                version = version.max(newest);
            }
            self.apply(changes, version);
            if complete {
                return Ok(version);
            }
        }
    }

    /// Appends to `out`, in no order, every subscription that [hears](Subscription::matches) of the
    /// event, once each.
    pub fn matching(&self, event: &str, sender: Option<&str>, broadcast: bool, out: &mut Vec<Arc<Subscription>>) {
        self.read(|compiled| compiled.matcher.matching(event, sender, broadcast, out));
    }

    /// As [`matching`](Self::matching), for an event of thorn's own: patterns that begin with a
    /// wildcard don't mean it.
    pub(crate) fn matching_internal(&self, event: &str, sender: Option<&str>, out: &mut Vec<Arc<Subscription>>) {
        self.matching(event, sender, false, out);
        out.retain(|subscription| !subscription.pattern.is_of_every_kind());
    }

    /// The subscription, if it is enabled.
    #[must_use]
    pub fn get(&self, id: SubscriptionId) -> Option<Arc<Subscription>> {
        self.read(|compiled| compiled.by_id.get(&id).cloned())
    }

    /// Fails while some enabled subscription can't be read. Until then nothing may be fanned out or
    /// cancelled: what it should hear would be lost to it.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] with the first such subscription and the reason.
    pub fn check_readable(&self) -> Result<(), Error> {
        match self.read(|compiled| compiled.unreadable.values().next().cloned()) {
            None => Ok(()),
            Some(reason) => Err(Error::option("secret key", reason)),
        }
    }

    /// Whether this subscription is enabled, but can't be read.
    #[must_use]
    pub fn is_unreadable(&self, id: SubscriptionId) -> bool {
        self.read(|compiled| compiled.unreadable.contains_key(&id))
    }

    /// The endpoints of subscriptions and of subscribers that events bring.
    pub(crate) const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The key that secrets are decrypted with.
    pub(crate) const fn key(&self) -> Option<&SecretKey> {
        self.key.as_ref()
    }

    /// How many enabled subscriptions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read(|compiled| compiled.by_id.len())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The version of the database's subscriptions that this registry has reached.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.read(|compiled| compiled.version)
    }

    fn read<T>(&self, look: impl FnOnce(&Compiled) -> T) -> T {
        look(&self.compiled.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the changes after this version, in its order, at most a page.
    async fn changes<C: ConnectionTrait>(&self, db: &C, version: i64) -> Result<Vec<Change>, Error> {
        if let Some(store) = &self.store {
            let changes = store.changes(version, self.page).await?;
            let standing = |subscription: Option<Subscription>| match subscription {
                Some(subscription) if subscription.disabled.is_none() => Standing::Enabled(Arc::new(subscription)),
                _ => Standing::Silent,
            };
            return Ok(changes.into_iter().map(|one| (one.id, one.version, standing(one.subscription))).collect());
        }
        let rows = Entity::find().filter(Column::Version.gt(version)).order_by_asc(Column::Version);
        let rows = rows.limit(self.page as u64).all(db).await?;
        // Decrypting takes its time; matching goes on meanwhile.
        let change = |row: Model| (SubscriptionId::from_uuid(row.id), row.version, self.standing(row));
        Ok(rows.into_iter().map(change).collect())
    }

    fn apply(&self, changes: Vec<Change>, version: i64) {
        let mut compiled = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        for (id, _, standing) in changes {
            compiled.replace(id, standing);
        }
        compiled.version = version;
    }

    fn standing(&self, row: Model) -> Standing {
        if row.deleted_at.is_some() || row.disabled_at.is_some() {
            return Standing::Silent;
        }
        let id = row.id;
        match row::read(row, self.key.as_ref()) {
            Ok(subscription) => Standing::Enabled(Arc::new(subscription)),
            Err(error) => {
                tracing::error!(subscription.id = %id, %error, "a subscription can't be read");
                Standing::Unreadable(error.to_string())
            }
        }
    }
}

impl Compiled {
    fn replace(&mut self, id: SubscriptionId, standing: Standing) {
        if let Some(old) = self.by_id.remove(&id) {
            self.matcher.remove(&old);
        }
        self.unreadable.remove(&id);
        match standing {
            Standing::Enabled(new) => {
                self.by_id.insert(id, Arc::clone(&new));
                self.matcher.insert(new);
            }
            Standing::Unreadable(reason) => {
                self.unreadable.insert(id, reason);
            }
            Standing::Silent => {}
        }
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
