//! Fails a test if a write of the application went past the hooks of its models.

use sea_orm::DatabaseConnection;

use crate::watch::{Watch, install, remove, unannounced};

/// Runs `work` while the tables of these models are watched. Panics if a change went past their hooks.
///
/// The panic names table, key and operation of each such change. Every change counts that is committed on this
/// database by the end of `work`, whoever made it. The triggers are removed afterwards. If `work` panics, they stay.
///
/// Whichever [`Watch`] is given, its notes are [collected](Watch::collect), so a worker doesn't take them away. Tests
/// that share a database can't watch it at the same time.
///
/// # Panics
///
/// If a change went past the hooks, or if the database fails.
///
/// # Examples
///
/// ```no_run
/// use sea_orm::DatabaseConnection;
/// use thorn_core::{model::WebhookModel, testing, watch::Watch};
///
/// # async fn publish_all(_db: &DatabaseConnection) {}
/// /// Called by a test.
/// async fn every_write_is_announced<Article: WebhookModel>(db: &DatabaseConnection) {
///     testing::assert_announced(db, Watch::collect().model::<Article>(), publish_all(db)).await;
/// }
/// ```
pub async fn assert_announced<T>(db: &DatabaseConnection, watch: Watch, work: impl Future<Output = T>) -> T {
    if let Err(error) = install(db, watch.for_tests()).await {
        panic!("the tables can't be watched: {error}");
    }
    let output = work.await;
    let found = unannounced(db).await;
    if let Err(error) = remove(db).await {
        panic!("the triggers can't be removed: {error}");
    }
    match found {
        Ok(changes) if changes.is_empty() => output,
        Ok(changes) => {
            let list: Vec<_> = changes.iter().map(|change| format!("  {change}")).collect();
            panic!("{} changes went past thorn's hooks, so no event announced them:\n{}", list.len(), list.join("\n"))
        }
        Err(error) => panic!("the unannounced changes can't be read: {error}"),
    }
}
