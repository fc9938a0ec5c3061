//! Mode `report`: a worker counts, logs and tells operators.

use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value as Json, json};
use thorn::{
    event::UNANNOUNCED,
    watch::{Watch, install, unannounced},
};

use super::{
    blog,
    entities::{
        comment,
        post::{self, draft, raw},
    },
    found,
};
use crate::app::{PATIENCE, TestApp, eventually};

/// Watched models that count at once.
fn report() -> Watch {
    Watch::report().model::<post::Entity>().model::<comment::Entity>().armed_after(Duration::ZERO)
}

async fn notes_taken(app: &TestApp) {
    eventually("the notes' end", || async {
        let left = unannounced(app.db()).await.unwrap();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_told_of_unannounced_changes_and_owners_never() {
    let app = blog().await;
    install(app.db(), report()).await.unwrap();
    let told = app.receiver().await;
    app.subscribe_for(None, "thorn.*", &told.url("/operator")).await;
    app.subscribe_for(None, "**", &told.url("/everything")).await;
    app.subscribe_for(Some("alice"), UNANNOUNCED, &told.url("/alice")).await;
    app.subscribe_for(Some("alice"), "thorn.*", &told.url("/alice")).await;
    let worker = app.worker().await;
    let txn = app.db().begin().await.unwrap();
    for title in ["a", "b", "c"] {
        txn.execute_unprepared(&raw(title)).await.unwrap();
    }
    txn.execute_unprepared("UPDATE watched_post SET published = TRUE WHERE id = 2").await.unwrap();
    draft("hooked").insert(&txn).await.unwrap();
    txn.commit().await.unwrap();

    let mut all = told.wait_for(3, PATIENCE).await.unwrap();
    notes_taken(&app).await;
    app.settled().await;
    assert_eq!(told.arrived(), 3);
    all.sort_by_key(|request| (request.path.clone(), request.json()["data"]["operation"].to_string()));
    // A control: the pattern `**` gets the event of the hook.
    assert_eq!((&*all[0].path, &all[0].json()["event"]), ("/everything", &json!("post.hooked.created")));
    let reports: Vec<(String, Json)> = all[1..].iter().map(|request| (request.path.clone(), request.json())).collect();
    let report = |operation, rows, keys: Json, events: Json| {
        let data =
            json!({ "table": "watched_post", "operation": operation, "rows": rows, "keys": keys, "events": events });
        ("/operator".to_owned(), json!({ "event": UNANNOUNCED, "ref": null, "sender": null, "data": data }))
    };
    let change = report("change", 1, json!([2]), json!(["post.changed", "post.published"]));
    let create = report("create", 3, json!([1, 2, 3]), json!(["post.*.created"]));
    assert_eq!(reports, [change, create]);
    assert_eq!(worker.counters().unannounced, 4);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_nobody_subscribed_to_is_counted_and_not_written() {
    let app = blog().await;
    install(app.db(), report()).await.unwrap();
    let worker = app.worker().await;
    app.execute(&raw("a")).await;
    notes_taken(&app).await;
    eventually("the counter", || async {
        let counted = worker.counters().unannounced;
        if counted == 1 { Ok(()) } else { Err(counted.to_string()) }
    })
    .await;
    assert!(app.names().await.is_empty());
    worker.stop().await.unwrap();
}

/// A process that doesn't know of the triggers yet deletes no notes.
#[tokio::test(flavor = "multi_thread")]
async fn changes_before_the_triggers_count_are_ignored() {
    let app = blog().await;
    let watch = Watch::report().model::<post::Entity>().armed_after(Duration::from_secs(3600));
    install(app.db(), watch).await.unwrap();
    let worker = app.worker().await;
    app.execute(&raw("a")).await;
    assert_eq!(found(&app).await, ["table `watched_post`, key 1: create"]);
    notes_taken(&app).await;
    assert_eq!(worker.counters().unannounced, 0);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_leaves_collected_notes_alone() {
    let app = blog().await;
    install(app.db(), Watch::collect().model::<post::Entity>()).await.unwrap();
    install(app.db(), Watch::report().model::<comment::Entity>().armed_after(Duration::ZERO)).await.unwrap();
    // As an application under test does that watches by itself.
    install(app.db(), report()).await.unwrap();
    let worker = app.worker().await;
    app.execute(&raw("a")).await;
    app.execute("INSERT INTO watched_comment VALUES (1, 1, 'a', 0)").await;
    app.execute("DELETE FROM watched_comment").await;
    eventually("the comment's report", || async {
        let counted = worker.counters().unannounced;
        if counted == 1 { Ok(()) } else { Err(counted.to_string()) }
    })
    .await;
    assert_eq!(found(&app).await, ["table `watched_post`, key 1: create"]);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_changes_than_one_batch_are_all_reported() {
    const ROWS: usize = 1_203;
    let app = blog().await;
    let watch = report();
    let thorn =
        thorn::Thorn::builder(app.db().clone()).config(crate::app::config()).watch(watch).build().await.unwrap();
    let told = app.receiver().await;
    app.subscribe_for(None, UNANNOUNCED, &told.url("/")).await;
    let values = vec!["('a', FALSE, NULL)"; ROWS].join(", ");
    app.execute(&format!("INSERT INTO watched_post (title, published, author) VALUES {values}")).await;
    let workers = [thorn.start_worker().await.unwrap(), app.worker().await];
    notes_taken(&app).await;
    // Three at least. Two workers at a time may take more, and smaller ones.
    told.wait_for(3, PATIENCE).await.unwrap();
    app.settled().await;
    let all: Vec<_> = told.received().iter().map(|request| request.json()["data"].clone()).collect();
    let rows = |data: &serde_json::Value| data["rows"].as_u64().unwrap();
    assert_eq!(all.iter().map(rows).sum::<u64>(), ROWS as u64, "{all:?}");
    assert!(all.iter().all(|data| data["keys"].as_array().unwrap().len() as u64 == rows(data).min(100)), "{all:?}");
    assert_eq!(workers.iter().map(|worker| worker.counters().unannounced).sum::<u64>(), ROWS as u64);
    for worker in workers {
        worker.stop().await.unwrap();
    }
}
