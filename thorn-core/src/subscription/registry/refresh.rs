//! Reads the changes of subscriptions into the registry.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::{
    Refreshed, Registry, changes,
    changes::Versions,
    compiled::{Compiled, RegistryChange, SubscriptionState},
    ranges::Ranges,
};
use crate::{
    db::Concrete,
    error::Error,
    subscription::{entry::Subscription, foreign_store::StoredChange, write},
};

/// If more changes than this many pages may be missing, several cores read them at once.
const PAGES_AT_ONCE: usize = 10;

impl Registry {
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
        if succeeded.number > begun_before {
            // Another refresh began after this call and has succeeded, so it includes all that this call needs.
            return Ok(self.version());
        }
        let this = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        match &self.store {
            Some(store) => self.read_changes(db, store.version().await?).await?,
            None => self.read_table(db, succeeded.version).await?,
        }
        let version = self.version();
        *succeeded = Refreshed { number: this, version };
        Ok(version)
    }

    /// Reads what has changed in the table. `complete` is the version of the last refresh that succeeded.
    ///
    /// A registry learns of a deletion from the deleted row. Rows above `complete` that were purged are missing, so the
    /// registry reads everything anew. It looks again after reading, because a purge may have come in between.
    async fn read_table<C: ConnectionTrait>(&self, db: &C, complete: i64) -> Result<(), Error> {
        let mut before = write::versions(db).await?;
        let mut covered = complete;
        while before.purged > covered || before.newest > self.version() {
            if before.purged > covered {
                self.read_anew(db, before.newest).await?;
                covered = before.purged;
            } else {
                self.read_changes(db, before.newest).await?;
            }
            let after = write::versions(db).await?;
            if after.purged <= covered {
                break;
            }
            before = after;
        }
        Ok(())
    }

    /// Reads all subscriptions and replaces those that the registry holds.
    async fn read_anew<C: ConnectionTrait>(&self, db: &C, newest: i64) -> Result<(), Error> {
        let mut anew = Compiled::default();
        loop {
            let changes = self.changes(db, anew.version).await?;
            let complete = changes.len() < self.page;
            anew.version = changes.last().map_or(anew.version, |change| change.version);
            changes.into_iter().for_each(|change| anew.replace(change.id, change.state));
            if complete {
                break;
            }
        }
        anew.version = anew.version.max(newest);
        *self.compiled.write().unwrap_or_else(PoisonError::into_inner) = anew;
        Ok(())
    }

    async fn read_changes<C: ConnectionTrait>(&self, db: &C, newest: i64) -> Result<(), Error> {
        let mut version = self.version();
        if version >= newest {
            return Ok(());
        }
        let many = i64::try_from(self.page * PAGES_AT_ONCE).unwrap_or(i64::MAX);
        if let (None, Concrete::Pool(pool)) = (&self.store, Concrete::of(db))
            && newest - version > many
        {
            self.read_ranges(pool, [version, newest]).await?;
            version = newest;
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
            self.apply(changes, Some(version));
            if complete {
                return Ok(());
            }
        }
    }

    /// Reads the changes between these versions on several cores.
    async fn read_ranges(&self, db: &DatabaseConnection, between: [i64; 2]) -> Result<(), Error> {
        let mut ranges = Ranges::read(db, self.key.as_ref(), between, self.page);
        while let Some((page, complete)) = ranges.next().await? {
            self.apply(page.changes, complete);
        }
        Ok(())
    }

    /// Reads at most one page of changes after `version`, in the order of their versions.
    async fn changes<C: ConnectionTrait>(&self, db: &C, version: i64) -> Result<Vec<RegistryChange>, Error> {
        let Some(store) = &self.store else {
            let versions = Versions { after: version, until: None };
            return Ok(changes::page(db, versions, self.page, self.key.as_ref()).await?);
        };
        let changes = store.changes(version, self.page).await?;
        let state = |subscription: Option<Subscription>| match subscription {
            Some(subscription) if subscription.disabled.is_none() => SubscriptionState::Enabled(Arc::new(subscription)),
            _ => SubscriptionState::Inactive,
        };
        let change =
            |one: StoredChange| RegistryChange { id: one.id, version: one.version, state: state(one.subscription) };
        Ok(changes.into_iter().map(change).collect())
    }

    /// Applies changes. All changes up to `version` are included then.
    fn apply(&self, changes: Vec<RegistryChange>, version: Option<i64>) {
        let mut compiled = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            compiled.replace(change.id, change.state);
        }
        compiled.version = version.unwrap_or(compiled.version);
    }
}
