//! Thorn's tables, made by many at once, and taken away again.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use thorn::{
    Thorn,
    migration::{MigrationTrait, Migrator, MigratorTrait, migrate, migrations},
};

use thorn_test_support::Place;

const TABLES: [&str; 23] = [
    "thorn_event",
    "thorn_log",
    "thorn_consumer",
    "thorn_subscription",
    "thorn_registry",
    "thorn_delivery",
    "thorn_attempt",
    "thorn_row_change",
    "thorn_pace",
    "thorn_payload",
    "thorn_tally",
    "thorn_worker",
    "thorn_watch",
    "thorn_api_key",
    "thorn_idempotency",
    "thorn_topic",
    "thorn_cloud_event",
    "thorn_intent",
    "thorn_callback_host",
    "thorn_event_type",
    "thorn_webhook",
    "thorn_webhook_event",
    "thorn_stream_session",
];

async fn count(db: &DatabaseConnection, table: &str) -> Option<i64> {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.ok()?.map(|row| row.try_get("", "n").unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_may_migrate_at_once() {
    let place = Place::new().await;
    let tasks = (0..4).map(|_| {
        let url = place.url.clone();
        tokio::spawn(async move {
            let db = thorn::connect(&url).await.unwrap();
            migrate(&db).await.unwrap();
            migrate(&db).await.unwrap();
            db.close().await.unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let db = thorn::connect(&place.url).await.unwrap();
    assert_eq!(count(&db, "thorn_migration").await, Some(i64::try_from(migrations().len()).unwrap()));
    assert_eq!(count(&db, "thorn_registry").await, Some(1));
}

#[tokio::test]
async fn migrations_go_down_and_up_again() {
    let place = Place::new().await;
    let db = thorn::connect(&place.url).await.unwrap();
    migrate(&db).await.unwrap();
    assert!(count(&db, "thorn_delivery WHERE uncounted = 0").await.is_some());
    assert!(count(&db, "thorn_event WHERE position IS NULL").await.is_none(), "nobody has asked for the log");
    let with_log = Thorn::builder(db.clone()).event_log(true).build().await.unwrap();
    drop(with_log);
    assert!(count(&db, "thorn_event WHERE position IS NULL").await.is_some());
    assert!(count(&db, "thorn_cloud_event").await.is_some());
    assert!(count(&db, "thorn_subscription WHERE confirmation IS NULL").await.is_some());
    for cause in ["held_since", "held_reason", "held_status", "held_error"] {
        assert!(count(&db, &format!("thorn_subscription WHERE {cause} IS NULL")).await.is_some(), "{cause}");
    }
    assert!(count(&db, "thorn_pace WHERE slowed_until IS NULL").await.is_some());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_subscription WHERE held_reason IS NULL").await.is_none());
    assert!(count(&db, "thorn_pace WHERE slowed_until IS NULL").await.is_none());
    // The order of the waiting events is an index, which `dispatch::custom` looks for.
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_subscription WHERE confirmation IS NULL").await.is_some());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_subscription WHERE confirmation IS NULL").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_cloud_event").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_stream_session").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    for table in ["thorn_event_type", "thorn_webhook", "thorn_webhook_event"] {
        assert!(count(&db, table).await.is_none(), "{table}");
    }
    assert!(count(&db, "thorn_subscription WHERE dialect = 'thorn'").await.is_some());
    assert!(count(&db, "thorn_subscription WHERE verify_token IS NULL").await.is_some());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_intent").await.is_none());
    assert!(count(&db, "thorn_callback_host").await.is_none());
    assert!(count(&db, "thorn_subscription WHERE dialect = 'thorn'").await.is_none());
    assert!(count(&db, "thorn_subscription WHERE expires_at IS NULL").await.is_none());
    assert!(count(&db, "thorn_subscription WHERE verify_token IS NULL").await.is_none());
    assert!(count(&db, "thorn_subscription WHERE sending_until IS NULL").await.is_some());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_topic").await.is_none());
    assert!(count(&db, "thorn_subscription WHERE sending_until IS NULL").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_tally").await.is_none());
    assert!(count(&db, "thorn_worker").await.is_none());
    assert!(count(&db, "thorn_subscription WHERE max_in_flight IS NULL").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_log").await.is_none());
    assert!(count(&db, "thorn_event WHERE position IS NULL").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_payload").await.is_none());
    assert!(count(&db, "thorn_event WHERE media_type IS NULL").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_api_key").await.is_none());
    assert!(count(&db, "thorn_idempotency").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_pace").await.is_none());
    assert!(count(&db, "thorn_subscription WHERE rate IS NULL").await.is_none());
    assert!(count(&db, "thorn_subscription WHERE paused_at IS NULL").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_delivery WHERE uncounted = 0").await.is_none());
    assert!(count(&db, "thorn_subscription WHERE held_step = 0").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_registry WHERE purged_version = 0").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_subscription WHERE counted_host IS NULL").await.is_none());
    Migrator::down(&db, Some(1)).await.unwrap();
    assert!(count(&db, "thorn_row_change").await.is_none());
    Migrator::down(&db, Some(2)).await.unwrap();
    assert!(count(&db, "thorn_event WHERE relayed_at IS NULL").await.is_some());
    assert!(count(&db, "thorn_event WHERE dispatcher IS NULL").await.is_none());
    Migrator::down(&db, None).await.unwrap();
    for table in TABLES {
        assert!(count(&db, table).await.is_none(), "{table}");
    }
    migrate(&db).await.unwrap();
    for table in TABLES {
        assert!(count(&db, table).await.is_some(), "{table}");
    }
}

/// MySQL commits each statement of a migration: the next process finds some of it done.
#[tokio::test]
async fn a_migration_that_was_broken_off_is_finished_by_the_next() {
    let place = Place::new().await;
    let db = thorn::connect(&place.url).await.unwrap();
    migrate(&db).await.unwrap();
    let drop = match db.get_database_backend() {
        DbBackend::MySql => "DROP INDEX thorn_event_audit ON thorn_event",
        _ => "DROP INDEX thorn_event_audit",
    };
    for sql in [drop, "ALTER TABLE thorn_subscription DROP COLUMN filter", "DELETE FROM thorn_migration"] {
        db.execute_unprepared(sql).await.unwrap();
    }
    migrate(&db).await.unwrap();
    assert!(count(&db, "thorn_subscription WHERE filter IS NULL").await.is_some());
    assert_eq!(count(&db, "thorn_registry").await, Some(1));
    db.execute_unprepared(drop).await.unwrap();
}

/// An application with an older thorn, which has the first of the migrations in its own migrator.
struct OlderApp;

impl MigratorTrait for OlderApp {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        migrations().into_iter().take(1).collect()
    }
}

struct NewerApp;

impl MigratorTrait for NewerApp {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        migrations()
    }
}

#[tokio::test]
async fn a_worker_newer_than_the_application_s_migrator_adds_what_is_missing_and_so_may_the_application_later() {
    let place = Place::new().await;
    let db = thorn::connect(&place.url).await.unwrap();
    OlderApp::up(&db, None).await.unwrap();
    assert!(count(&db, "thorn_event WHERE dispatcher IS NULL").await.is_none());
    migrate(&db).await.unwrap();
    assert!(count(&db, "thorn_event WHERE dispatcher IS NULL").await.is_some());
    OlderApp::up(&db, None).await.unwrap();
    NewerApp::up(&db, None).await.unwrap();
    migrate(&db).await.unwrap();
    let all = Some(i64::try_from(migrations().len()).unwrap());
    assert_eq!((count(&db, "seaql_migrations").await, count(&db, "thorn_migration").await), (all, all));
    assert_eq!(count(&db, "thorn_registry").await, Some(1));
}
