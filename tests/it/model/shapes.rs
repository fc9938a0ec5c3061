//! Entities of every shape that SeaORM knows announce creation, change and deletion with the right data.
//!
//! SeaORM's own test entities served as the list. Each kind stands here once: by its key (`keys`), by its columns
//! (`columns`, `times`), and by the form in which it is written (`forms`).

mod columns;
mod forms;
mod keys;
mod times;

use sea_orm::{DbBackend, EntityTrait};
use serde_json::Value;
use thorn_test_support::skipped;

use crate::app::TestApp;

/// A database with the table of this entity.
async fn database<E: EntityTrait>(entity: E) -> TestApp {
    TestApp::new().await.table(entity).await
}

/// Names and data of all events.
async fn told(test: &TestApp) -> Vec<(String, Value)> {
    test.written().await.into_iter().map(|mut event| (event.name, event.body["data"].take())).collect()
}

/// Whether the test runs on this kind of database. If it doesn't, it is reported as skipped.
fn only_on(test: &TestApp, kind: DbBackend, what: &str) -> bool {
    let is_it = test.db().get_database_backend() == kind;
    if !is_it {
        let name = match kind {
            DbBackend::Postgres => "PostgreSQL",
            DbBackend::MySql => "MySQL",
            _ => "SQLite",
        };
        skipped(&format!("only {name} has {what}"));
    }
    is_it
}

/// Inserts a row with these values, changes it and deletes it. Checks the data of the three events.
macro_rules! lives {
    ($entity:ident, $($how:tt)*) => {{
        let test = crate::model::shapes::database($entity::Entity).await;
        crate::model::shapes::lives!($entity on test, $($how)*)
    }};
    ($entity:ident on $test:ident, { $($field:ident: $value:expr),* $(,)? } => $created:tt,
     { $($changed:ident: $new:expr),* $(,)? } => $after:tt) => {{
        #[allow(clippy::needless_update)]
        let new = $entity::ActiveModel {
            $($field: sea_orm::Set($value),)*
            ..<$entity::ActiveModel as sea_orm::ActiveModelTrait>::default()
        };
        let row = new.insert($test.db()).await.unwrap();
        #[allow(unused_mut)]
        let mut change = sea_orm::IntoActiveModel::<$entity::ActiveModel>::into_active_model(row);
        $(change.$changed = sea_orm::Set($new);)*
        let row = change.update($test.db()).await.unwrap();
        row.delete($test.db()).await.unwrap();
        let (created, after) = (serde_json::json!($created), serde_json::json!($after));
        let expected = [("row.created", created), ("row.changed", after.clone()), ("row.removed", after)];
        assert_eq!(crate::model::shapes::told(&$test).await, expected.map(|(name, data)| (name.to_owned(), data)));
        $test
    }};
}
use lives;
