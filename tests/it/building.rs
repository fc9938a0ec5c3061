//! `Thorn::builder(…).build()` that fails.

use sea_orm::{ConnectionTrait, Schema};
use thorn::{
    Config, Dispatch, Event, Thorn,
    migration::{Migrator, MigratorTrait},
};
use thorn_test_support::Place;

use crate::{
    alone::alone,
    app::{self, TestApp},
    model::entities::article,
};

fn with_base(base: &str) -> Config {
    Config { base_url: Some(base.to_owned()), ..app::config() }
}

#[tokio::test]
async fn one_that_can_t_be_built_changes_nothing_of_the_process() {
    alone!(one_that_can_t_be_built_changes_nothing_of_the_process);
    let app = TestApp::with(with_base("https://first.example")).await;
    let build = |base: &str, file: &str| {
        let builder = Thorn::builder(app.db().clone()).config(with_base(base));
        builder.subscriptions_file(file).build()
    };
    let sent = async || {
        Event::new("a.b").broadcast().reference("/x").send(app.db(), &1).await.unwrap();
        app.text("SELECT body AS text FROM thorn_event ORDER BY id").await.pop().unwrap()
    };
    build("https://second.example", "/no/such/file.json").await.unwrap_err();
    assert!(sent().await.contains("https://first.example/x"));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.json");
    std::fs::write(&file, "[]").unwrap();
    build("https://third.example", file.to_str().unwrap()).await.unwrap();
    assert!(sent().await.contains("https://third.example/x"), "a control");
    let unknown = Event::new("a.b").dispatch(Dispatch::custom("never")).send(app.db(), &1).await;
    unknown.unwrap_err();
}

#[tokio::test]
async fn tables_that_are_missing_or_older_are_named_with_what_to_do() {
    let place = Place::new().await;
    let db = thorn::connect(&place.url).await.unwrap();
    let refused = async || {
        let message = Thorn::builder(db.clone()).config(app::config()).build().await.unwrap_err().to_string();
        assert!(message.contains("thorn::migrate(&db)") && message.contains("thorn::migrations()"), "{message}");
        message
    };
    assert!(refused().await.contains("thorn_registry"));
    Migrator::up(&db, Some(1)).await.unwrap();
    let older = refused().await;
    assert!(older.contains("table `thorn_registry` is missing or of an older release"), "{older}");
    thorn::migrate(&db).await.unwrap();
    db.execute_unprepared("UPDATE thorn_registry SET version = version").await.unwrap();
    Thorn::builder(db.clone()).config(app::config()).build().await.unwrap();
}

#[tokio::test]
async fn a_save_before_the_migration_says_what_to_do() {
    let place = Place::new().await;
    let db = thorn::connect(&place.url).await.unwrap();
    let table = Schema::new(db.get_database_backend()).create_table_from_entity(article::Entity);
    db.execute(&table).await.unwrap();
    let message = article::draft("Hello").insert(&db).await.unwrap_err().to_string();
    assert!(message.contains("thorn_event") && message.contains("call `thorn::migrate(&db)` once"), "{message}");
    thorn::migrate(&db).await.unwrap();
    article::draft("Hello").insert(&db).await.unwrap();
}
