//! EXPLAIN of the counts, among thousands of subscriptions: an index answers them, also for an owner who has deleted
//! very many.

use std::sync::{Arc, Mutex};

use sea_orm::{ConnectionTrait, DbBackend, Statement, prelude::Uuid};
use thorn::{Thorn, subscription::Access};

use super::{HOSTS, config, create, new};
use crate::{
    app::{TestApp, literal},
    databases::plans::plan,
};

const OWNERS: u32 = 500;
const ROWS: u32 = 10_000;

/// Rows of many owners. Most rows of the owner `alice` are deleted.
fn rows(backend: DbBackend) -> Vec<String> {
    let row = |n: u32| {
        let id = literal(backend, Uuid::from_u128(n.into()));
        let (owner, host, deleted) = match n {
            0..500 => ("alice".to_owned(), "NULL", "1"),
            _ => (format!("owner {}", n % OWNERS), "'a.example'", "NULL"),
        };
        format!(
            "({id}, '{owner}', 'a.b', 'https://a.example/', '', 'sha256', 'application/json', {n}, {n}, {deleted}, \
             {n}, {n}, {host})"
        )
    };
    (0..ROWS).map(row).collect()
}

const COLUMNS: &str = "id, owner, pattern, url, secret, digest, content_type, created_at, updated_at, deleted_at, \
                       created_version, version, counted_host";

/// The counts that one creation makes.
async fn counts(app: &TestApp) -> Vec<Statement> {
    let mut db = thorn::connect(&app.url).await.unwrap();
    let seen: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let seeing = seen.clone();
    db.set_metric_callback(move |info| {
        if info.statement.sql.contains("COUNT") && info.statement.sql.contains("counted_host") {
            seeing.lock().unwrap().push(info.statement.clone());
        }
    });
    let thorn = Thorn::builder(db).config(config(Some(100), Some(20))).build().await.unwrap();
    let made = thorn.subscriptions().create(new("alice", 0, HOSTS[0])).await.unwrap();
    thorn.subscriptions().delete(Access::Operator, made.id).await.unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_answers_the_counts() {
    let app = TestApp::new().await;
    let db = app.db();
    let backend = db.get_database_backend();
    for rows in rows(backend).chunks(500) {
        let sql = format!("INSERT INTO thorn_subscription ({COLUMNS}) VALUES {}", rows.join(", "));
        db.execute_unprepared(&sql).await.unwrap();
    }
    let analyze = if backend == DbBackend::MySql { "ANALYZE TABLE thorn_subscription" } else { "ANALYZE" };
    db.execute_unprepared(analyze).await.unwrap();
    create(&app.thorn, "bob", 0, HOSTS[0]).await;
    let counts = counts(&app).await;
    assert_eq!(counts.len(), 2, "{counts:?}");
    for count in counts {
        let (steps, _) = plan(db, &count).await;
        assert!(steps.iter().any(|step| step.contains("thorn_subscription_counted")), "{count}: {steps:#?}");
    }
}
