//! Subscriptions that filter by the data of events.
// SeaORM's macros make more than a test uses.
#![allow(dead_code, unreachable_pub)]

use sea_orm::Set;
use serde_json::{Value, json};
use thorn::{
    Event,
    signing::Digest,
    subscription::{NewSubscription, Subscription, SubscriptionChange},
};
use thorn_core::testing::Received;

use crate::{
    app::{self, PATIENCE, Receiver, TestApp},
    model::entities::article::{self, State, draft},
};

/// Another model than articles, with the same property.
mod invoice {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "invoice.created", on_change = "invoice.changed", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "invoice")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub state: String,
    }
}

async fn subscribe(app: &TestApp, event: &str, url: String, filter: Value) -> Subscription {
    let new = NewSubscription::new(event, url).filter(filter);
    app.thorn.subscriptions().create(new).await.unwrap()
}

/// Event and data of what came to a path, in no order.
fn heard(receiver: &Receiver, path: &str) -> Vec<String> {
    let shown = |request: &Received| {
        let body = request.json();
        format!("{} {}", body["event"].as_str().unwrap(), body["data"]["state"].as_str().unwrap())
    };
    let mut heard: Vec<_> = receiver.received().iter().filter(|one| one.path == path).map(shown).collect();
    heard.sort();
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn django_webhooks_d06_d07_a_listener_hears_of_its_value_and_never_of_another_model() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    app.create_table(article::Entity).await;
    app.create_table(invoice::Entity).await;
    let published = json!({ "state": "published" });
    subscribe(&app, "article.*", receiver.url("/articles"), published.clone()).await;
    subscribe(&app, "invoice.*", receiver.url("/invoices"), published.clone()).await;
    // Controls: what was sent at all, and what the value alone, without a model, would let through.
    subscribe(&app, "*", receiver.url("/all"), json!({})).await;
    subscribe(&app, "*", receiver.url("/value"), published).await;
    let worker = app.worker().await;
    for (state, of_article) in [("draft", State::Draft), ("published", State::Published)] {
        let row = article::ActiveModel { state: Set(of_article), ..draft("a") };
        row.insert(app.db()).await.unwrap();
        let row = invoice::ActiveModel { state: Set(state.into()), ..Default::default() };
        row.insert(app.db()).await.unwrap();
    }
    receiver.wait_for(8, PATIENCE).await.unwrap();
    app.settled().await;
    worker.stop().await.unwrap();

    let [articles, invoices] = ["article.created published", "invoice.created published"];
    assert_eq!(heard(&receiver, "/articles"), [articles]);
    assert_eq!(heard(&receiver, "/invoices"), [invoices]);
    assert_eq!(heard(&receiver, "/value"), [articles, invoices]);
    assert_eq!(heard(&receiver, "/all"), ["article.created draft", articles, "invoice.created draft", invoices]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_filter_was_at_the_fan_out_decides_what_is_owed() {
    if !app::sees_tasks() {
        return;
    }
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let (one, two) = (json!({ "state": "ONE" }), json!({ "state": "TWO" }));
    let kept = subscribe(&app, "a.b", receiver.url("/kept"), one.clone()).await;
    let edited = subscribe(&app, "a.b", receiver.url("/edited"), two).await;
    let worker = app.worker().await;
    app.lose_tasks().await;
    Event::new("a.b").broadcast().send(app.db(), &one).await.unwrap();
    app.relayed().await;
    // One would hear of it by now, but didn't; the other did, and only its digest changes.
    app.change(&edited, SubscriptionChange::default().filter(one.clone())).await;
    app.change(&kept, SubscriptionChange::default().digest(Digest::Sha1)).await;
    app.leave_tasks().await;
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app.settled().await;
    assert_eq!((heard(&receiver, "/kept"), heard(&receiver, "/edited")), (vec!["a.b ONE".to_owned()], vec![]));

    // From now on both hear.
    Event::new("a.b").broadcast().send(app.db(), &one).await.unwrap();
    receiver.wait_for(3, PATIENCE).await.unwrap();
    app.settled().await;
    assert_eq!((heard(&receiver, "/kept").len(), heard(&receiver, "/edited").len()), (2, 1));
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_no_filter_can_read_reaches_the_others() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/plain")).await;
    subscribe(&app, "a.b", receiver.url("/filtered"), json!({ "state": { "is_null": true } })).await;
    let worker = app.worker().await;
    let deep = (0..200).fold(json!({}), |inner, _| json!([inner]));
    Event::new("a.b").broadcast().send(app.db(), &deep).await.unwrap();
    Event::new("a.b").broadcast().send(app.db(), &json!({ "n": 1 })).await.unwrap();
    receiver.wait_for(3, PATIENCE).await.unwrap();
    app.settled().await;
    worker.stop().await.unwrap();
    let paths = receiver.received().iter().filter(|request| request.path == "/filtered").count();
    assert_eq!((receiver.received().len(), paths), (3, 1));
}
