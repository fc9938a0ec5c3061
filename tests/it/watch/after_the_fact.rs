//! Mode `announce`: a worker writes the events that the hooks would have written.

use std::time::Duration;

use sea_orm::{ActiveModelTrait, IntoActiveModel, QueryFilter, prelude::Uuid, sea_query::Expr};
use serde_json::json;
use thorn::{
    event::UNANNOUNCED,
    watch::{Watch, install, unannounced},
};

use super::{
    blog,
    entities::{
        post::{self, raw},
        sample,
    },
};
use crate::app::{PATIENCE, TestApp, Written, eventually};

fn sample() -> sample::Model {
    sample::Model {
        token: Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8),
        title: "é 'a' / \"b\"".to_owned(),
        r#type: None,
        flag: true,
        large: 9_007_199_254_740_993,
        ratio: 0.5,
        raw: vec![0xff, 0xfe],
        extra: json!({"a": [1, null]}),
        word: json!("5"),
        moment: "2026-01-02T03:04:05.5Z".parse().unwrap(),
        local: "2026-01-02T03:04:05".parse().unwrap(),
        day: "2026-01-02".parse().unwrap(),
        hour: "03:04:05".parse().unwrap(),
        price: "12.50".parse().unwrap(),
    }
}

/// Waits until no note is left, and takes the events.
async fn taken(app: &TestApp) -> Vec<Written> {
    eventually("the notes' end", || async {
        let left = unannounced(app.db()).await.unwrap();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    let events = app.written().await;
    app.forget().await;
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn events_after_the_fact_are_those_that_the_hooks_write() {
    let app = TestApp::new().await.table(sample::Entity).await;
    let db = app.db();
    install(db, Watch::announce().model::<sample::Entity>().armed_after(Duration::ZERO)).await.unwrap();
    let worker = app.worker().await;
    let changed = || sample::ActiveModel { large: sea_orm::Set(7), ..sample().into_active_model() };
    sample().into_active_model().reset_all().insert(db).await.unwrap();
    changed().update(db).await.unwrap();
    sample().into_active_model().delete(db).await.unwrap();
    let hooked = taken(&app).await;
    let names = ["sample.created", "sample.67e55044-10b1-426f-9247-bb680e5fe0c8.changed", "sample.true.removed"];
    assert_eq!(hooked.iter().map(|event| &*event.name).collect::<Vec<_>>(), names);

    // SeaORM's own statements, which run no hooks.
    let insert = sea_orm::Insert::one(sample().into_active_model().reset_all());
    insert.exec_without_returning(db).await.unwrap();
    let update = |value: i64| {
        let update = sea_orm::Update::many(sample::Entity).col_expr(sample::Column::Large, Expr::value(value));
        update.filter(Expr::value(true))
    };
    update(7).exec(db).await.unwrap();
    update(7).exec(db).await.unwrap();
    sea_orm::Delete::many(sample::Entity).exec(db).await.unwrap();
    assert_eq!(taken(&app).await, hooked);
    assert_eq!(worker.counters().unannounced, 4);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_needs_the_application_s_code_is_reported() {
    let app = blog().await;
    install(app.db(), Watch::announce().model::<post::Entity>().armed_after(Duration::ZERO)).await.unwrap();
    let told = app.receiver().await;
    app.subscribe_for(None, UNANNOUNCED, &told.url("/operator")).await;
    app.subscribe_for(Some("alice"), "post.**", &told.url("/alice")).await;
    let worker = app.worker().await;
    app.execute(&raw("a.b")).await;
    app.execute("UPDATE watched_post SET published = TRUE").await;
    let mut all = told.wait_for(3, PATIENCE).await.unwrap();
    app.settled().await;
    all.sort_by_key(|request| (request.path.clone(), request.json()["event"].to_string()));
    let bodies: Vec<_> = all.iter().map(|request| (&*request.path, request.json())).collect();
    let event = |name: &str, published| {
        let data = json!({ "id": 1, "title": "a.b", "published": published });
        ("/alice", json!({ "event": name, "ref": "/posts/1", "sender": "alice", "data": data }))
    };
    let data = json!({
        "table": "watched_post", "operation": "change", "rows": 1, "keys": [1], "events": ["post.published"]
    });
    let report = ("/operator", json!({ "event": UNANNOUNCED, "ref": null, "sender": null, "data": data }));
    assert_eq!(bodies, [event("post.a%2Eb.created", false), event("post.changed", true), report]);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_events_can_t_be_written_the_notes_stay_and_then_each_is_announced_once() {
    let app = blog().await;
    install(app.db(), Watch::announce().model::<post::Entity>().armed_after(Duration::ZERO)).await.unwrap();
    app.break_outbox().await;
    let workers = [app.worker().await, app.worker().await];
    for title in ["a", "b", "c"] {
        app.execute(&raw(title)).await;
    }
    // The worker has tried and failed: the statement that it needs is refused.
    eventually("notes old enough", || async {
        let young = app.count("thorn_row_change").await;
        let now = thorn::timestamp::Timestamp::now().as_millis();
        let oldest = app.number("SELECT MAX(noted_at) FROM thorn_row_change").await;
        if young == 3 && now - oldest > 4_000 { Ok(()) } else { Err(format!("{young} notes, {}", now - oldest)) }
    })
    .await;
    app.execute("ALTER TABLE thorn_gone RENAME TO thorn_event").await;
    let mut names: Vec<_> = taken(&app).await.into_iter().map(|event| event.name).collect();
    names.sort();
    assert_eq!(names, ["post.a.created", "post.b.created", "post.c.created"]);
    assert_eq!(workers.iter().map(|worker| worker.counters().unannounced).sum::<u64>(), 3);
    for worker in workers {
        worker.stop().await.unwrap();
    }
}
