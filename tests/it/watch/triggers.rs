//! Installing and removing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait, DbBackend};
use thorn::{
    Error, Thorn,
    watch::{Watch, install, remove},
};
use thorn_test_support::skipped;

use super::{
    blog,
    entities::{
        comment,
        post::{self, draft, raw},
        read_at_start, silent,
    },
    found, watched,
};
use crate::app::{self, TestApp};

async fn triggers(app: &TestApp) -> i64 {
    let sql = match app.db().get_database_backend() {
        DbBackend::Postgres => "pg_trigger WHERE tgname LIKE 'thorn_watch_%'",
        DbBackend::MySql => "information_schema.triggers WHERE trigger_schema = DATABASE()",
        _ => "sqlite_master WHERE type = 'trigger'",
    };
    app.count(sql).await
}

#[tokio::test]
async fn one_call_takes_everything_away_again() {
    let app = watched().await;
    app.execute(&raw("a")).await;
    assert!(triggers(&app).await > 0);
    remove(app.db()).await.unwrap();
    app.execute(&raw("b")).await;
    draft("c").insert(app.db()).await.unwrap();
    assert_eq!((triggers(&app).await, app.count("thorn_watch").await), (0, 0));
    assert!(found(&app).await.is_empty());
    if app.db().get_database_backend() == DbBackend::Postgres {
        assert_eq!(app.count("pg_proc WHERE proname LIKE 'thorn_watch_%'").await, 0);
    }
    remove(app.db()).await.unwrap();
}

#[tokio::test]
async fn another_installation_changes_nothing_unless_triggers_are_missing() {
    let app = blog().await;
    let watch = || Watch::report().model::<post::Entity>().model::<comment::Entity>().armed_after(Duration::ZERO);
    install(app.db(), watch()).await.unwrap();
    let (before, armed_at) = (triggers(&app).await, app.numbers("SELECT armed_at FROM thorn_watch").await);
    app.execute(&raw("a")).await;
    install(app.db(), watch()).await.unwrap();
    assert_eq!(found(&app).await.len(), 1);
    // As a migration that makes the table anew.
    app.execute("DROP TABLE watched_comment").await;
    comment::create_table(&app).await;
    assert!(triggers(&app).await < before);
    install(app.db(), watch()).await.unwrap();
    assert_eq!(triggers(&app).await, before);
    assert_eq!(app.numbers("SELECT armed_at FROM thorn_watch").await, armed_at);
    app.execute("INSERT INTO watched_comment VALUES (1, 1, 'a', 0)").await;
    app.execute("DELETE FROM watched_comment").await;
    assert_eq!(found(&app).await.len(), 2);
}

#[tokio::test]
async fn many_processes_may_install_at_once() {
    let app = blog().await;
    let tasks = (0..4).map(|_| {
        let url = app.url.clone();
        tokio::spawn(async move {
            let db = thorn::connect(&url).await.unwrap();
            install(&db, Watch::announce().model::<post::Entity>()).await.unwrap();
            db.close().await.unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(app.count("thorn_watch").await, 1);
    app.execute(&raw("a")).await;
    assert_eq!(found(&app).await.len(), 1);
}

/// As in a process that didn't install the triggers.
#[tokio::test]
async fn a_thorn_reads_at_its_start_what_is_watched() {
    let app = TestApp::new().await.table(read_at_start::Entity).await;
    let other = TestApp::new().await;
    install(app.db(), Watch::collect().model::<read_at_start::Entity>()).await.unwrap();
    // Removing the triggers of another database makes this process forget those of the same id.
    let id = &app.text("SELECT installation AS text FROM thorn_watch").await[0];
    let row = format!("INSERT INTO thorn_watch VALUES ('gone', '{id}', 'collect', '', 0)");
    other.execute(&row).await;
    remove(other.db()).await.unwrap();
    let row = |id: &str| read_at_start::ActiveModel { id: sea_orm::Set(id.into()), text: sea_orm::Set("b".into()) };
    row("a").insert(app.db()).await.unwrap();
    let control = ["table `watched_read_at_start`, key \"a\": create"];
    assert_eq!(found(&app).await, control);
    let _thorn = Thorn::builder(app.db().clone()).config(app::config()).build().await.unwrap();
    row("b").insert(app.db()).await.unwrap();
    assert_eq!(found(&app).await, control);
}

#[tokio::test]
async fn a_model_that_announces_nothing_and_a_table_that_is_missing_are_refused() {
    let app = TestApp::new().await.table(silent::Entity).await;
    let refused = install(app.db(), Watch::report().model::<silent::Entity>()).await.unwrap_err();
    assert!(matches!(&refused, Error::Option(_)), "{refused:?}");
    assert!(refused.to_string().contains("`watched_silent`"), "{refused}");
    let missing = install(app.db(), Watch::report().model::<post::Entity>()).await.unwrap_err().to_string();
    assert!(missing.contains("`watched_post`") && missing.contains("rights"), "{missing}");
    assert_eq!((triggers(&app).await, app.count("thorn_watch").await), (0, 0));
}

/// Another program has rights on the table alone, and its writes are noted nevertheless.
#[tokio::test]
async fn rights_are_needed_to_install_and_not_to_write() {
    let app = watched().await;
    let backend = app.db().get_database_backend();
    if backend == DbBackend::Sqlite {
        return skipped("SQLite has no users");
    }
    let (scheme, rest) = app.url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    let database = place.rsplit_once('/').unwrap().1;
    let user = database.replace("thorn_", "writer_");
    let on = match backend {
        DbBackend::Postgres => {
            app.execute(&format!("CREATE ROLE {user} LOGIN PASSWORD 's3cr3t'")).await;
            app.execute(&format!("GRANT USAGE ON SEQUENCE watched_post_id_seq TO {user}")).await;
            app.execute(&format!("GRANT SELECT, UPDATE ON thorn_row_change, thorn_watch TO {user}")).await;
            ("watched_post".to_owned(), user.clone())
        }
        _ => {
            app.execute(&format!("CREATE USER {user}@'%' IDENTIFIED BY 's3cr3t'")).await;
            app.execute(&format!("GRANT SELECT, UPDATE ON {database}.thorn_row_change TO {user}@'%'")).await;
            app.execute(&format!("GRANT SELECT, UPDATE ON {database}.thorn_watch TO {user}@'%'")).await;
            (format!("{database}.watched_post"), format!("{user}@'%'"))
        }
    };
    app.execute(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}", on.0, on.1)).await;
    let db = thorn::connect(&format!("{scheme}://{user}:s3cr3t@{place}")).await.unwrap();
    db.execute_unprepared("DELETE FROM thorn_row_change").await.expect_err("a control");
    db.execute_unprepared(&raw("a")).await.unwrap();
    assert_eq!(found(&app).await, ["table `watched_post`, key 1: create"]);

    remove(app.db()).await.unwrap();
    let refused = install(&db, Watch::report().model::<post::Entity>()).await.unwrap_err().to_string();
    assert!(refused.contains("`watched_post`") && refused.contains("rights"), "{refused}");
    db.close().await.unwrap();
    let sql = match backend {
        DbBackend::Postgres => format!("DROP OWNED BY {user}; DROP ROLE {user}"),
        _ => format!("DROP USER {user}@'%'"),
    };
    app.execute(&sql).await;
}

#[tokio::test]
async fn a_table_in_another_schema_is_watched() {
    let app = TestApp::new().await;
    let backend = app.db().get_database_backend();
    if backend != DbBackend::Postgres {
        return skipped(
            "a schema for the test's own is made on PostgreSQL only; SQLite has none, MySQL's is a database",
        );
    }
    app.execute("CREATE SCHEMA elsewhere").await;
    app.execute("CREATE TABLE elsewhere.watched_other (id INTEGER PRIMARY KEY)").await;
    install(app.db(), Watch::collect().model::<other::Entity>()).await.unwrap();
    let row = |id| other::ActiveModel { id: sea_orm::Set(id) };
    row(1).insert(app.db()).await.unwrap();
    app.execute("INSERT INTO elsewhere.watched_other VALUES (2)").await;
    assert_eq!(found(&app).await, ["table `elsewhere.watched_other`, key 2: create"]);
    remove(app.db()).await.unwrap();
    assert_eq!(triggers(&app).await, 0);
}

mod other {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "other.created", on_delete = "other.removed")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "elsewhere", table_name = "watched_other")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
    }
}

/// A save costs one more statement while its table is watched, and none otherwise.
#[tokio::test]
async fn a_save_pays_only_while_its_table_is_watched() {
    let app = blog().await;
    let mut db = thorn::connect(&app.url).await.unwrap();
    let (all, about_notes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, count_notes) = (all.clone(), about_notes.clone());
    db.set_metric_callback(move |info| {
        count.fetch_add(1, Ordering::Relaxed);
        if info.statement.sql.contains("thorn_row_change") {
            count_notes.fetch_add(1, Ordering::Relaxed);
        }
    });
    let taken = || (all.swap(0, Ordering::Relaxed), about_notes.swap(0, Ordering::Relaxed));
    let row = |id: &str| cheap::ActiveModel { id: sea_orm::Set(id.to_owned()) };
    app.create_table(cheap::Entity).await;
    row("a").insert(&db).await.unwrap();
    let (before, none) = taken();
    assert_eq!(none, 0);
    install(app.db(), Watch::report().model::<cheap::Entity>()).await.unwrap();
    row("b").insert(&db).await.unwrap();
    // MySQL reads the note's id first.
    let more = if db.get_database_backend() == DbBackend::MySql { 2 } else { 1 };
    assert_eq!(taken(), (before + more, more));
    remove(app.db()).await.unwrap();
    row("c").insert(&db).await.unwrap();
    assert_eq!(taken(), (before, 0));
}

mod cheap {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "cheap.created")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_cheap")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
    }
}
