//! Tables whose changes triggers note, as far as this process knows them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Weak},
};

use arc_swap::ArcSwap;

/// Which changes are noted, such as `article:create`.
pub(crate) type NotedChanges = HashSet<String>;

/// The noted changes in the database of one `Thorn`.
#[derive(Debug, Default)]
pub(crate) struct WatchedTables(ArcSwap<NotedChanges>);

impl WatchedTables {
    pub(crate) fn set(&self, changes: NotedChanges) {
        self.0.store(Arc::new(changes));
    }
}

/// The knowledge of all parts of this process.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    /// The installations that this process made or found in place, by their ids. Each is one table's, in one database.
    pub(super) installed: Arc<HashMap<String, NotedChanges>>,
    /// The database of every living `Thorn`.
    pub(super) databases: Vec<Weak<WatchedTables>>,
}

impl Watched {
    /// Whether it holds for an installation or a database.
    pub(super) fn any(&self, holds: impl Fn(&NotedChanges) -> bool) -> bool {
        self.installed.values().any(&holds)
            || self.databases.iter().any(|one| one.upgrade().is_some_and(|one| holds(&one.0.load())))
    }
}
