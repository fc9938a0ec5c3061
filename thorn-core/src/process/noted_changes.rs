//! Which changes of rows triggers note, as hooks ask it.

use std::sync::Arc;

use super::{
    state::{current, update},
    watched::{NotedChanges, WatchedTables},
};

/// Whether any change is noted. If not, hooks have nothing more to do.
pub(crate) fn notes_anything() -> bool {
    current().watched.any(|changes| !changes.is_empty())
}

/// Whether triggers note this change: the table and the operation, as in `article:create`.
pub(crate) fn is_noted(change: &str) -> bool {
    current().watched.any(|changes| changes.contains(change))
}

/// Adds a database until its `Thorn` is dropped.
pub(crate) fn follow_database(tables: &Arc<WatchedTables>) {
    update(|process| {
        process.watched.databases.retain(|one| one.strong_count() > 0);
        process.watched.databases.push(Arc::downgrade(tables));
    });
}

/// Adds an installation of triggers.
pub(crate) fn add_installation(id: &str, changes: &NotedChanges) {
    update(|process| {
        Arc::make_mut(&mut process.watched.installed).insert(id.to_owned(), changes.clone());
    });
}

/// Forgets an installation whose triggers are gone.
pub(crate) fn forget_installation(id: &str) {
    update(|process| {
        Arc::make_mut(&mut process.watched.installed).remove(id);
    });
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn changes_are_noted_while_an_installation_or_a_living_thorn_knows_them() {
        let changes = |one: &str| HashSet::from([format!("watched_test_{one}:create")]);
        let noted = |one: &str| is_noted(&format!("watched_test_{one}:create"));
        let tables = Arc::new(WatchedTables::default());
        follow_database(&tables);
        assert!(!noted("a"));
        tables.set(changes("a"));
        add_installation("1", &changes("b"));
        add_installation("2", &changes("b"));
        assert!(noted("a") && noted("b") && notes_anything());
        forget_installation("1");
        assert!(noted("b"), "in another database");
        forget_installation("2");
        assert!(noted("a") && !noted("b"));
        drop(tables);
        assert!(!noted("a"));
    }
}
