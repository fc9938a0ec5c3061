//! Events that are sent by hand.

use std::time::Duration;

use sea_orm::TransactionTrait;
use thorn::model::{Trigger, WebhookModel};

use super::entities::article::{self, draft};
use crate::app::TestApp;

#[tokio::test]
async fn thorn_023_and_024_a_filter_is_not_asked_and_the_models_options_are_used() {
    let test = TestApp::new().await.table(article::Entity).await;
    let article = draft("a").insert(test.db()).await.unwrap();
    test.forget().await;
    // Its filter is false: the article is a draft.
    article::Entity::webhook("publish").unwrap().send(test.db(), &article).await.unwrap();
    let written = test.written().await;
    assert_eq!(written[0].name, "article.published");
    assert_eq!(written[0].sender.as_deref(), Some("7"));
    assert_eq!(
        written[0].body,
        serde_json::json!({
            "event": "article.published",
            "ref": "/articles/1",
            "sender": "7",
            "data": {"id": 1, "title": "a", "state": "draft"},
        })
    );
}

#[tokio::test]
async fn thorn_024_other_options_are_forwarded() {
    let test = TestApp::new().await.table(article::Entity).await;
    let article = draft("a").insert(test.db()).await.unwrap();
    test.forget().await;
    let share = article::Entity::webhook("on_share").unwrap();
    share
        .send_with(test.db(), &article, |event| event.timeout(Duration::from_secs(3)).sender("somebody else"))
        .await
        .unwrap();
    let written = test.written().await;
    assert_eq!(written[0].sender.as_deref(), Some("somebody else"));
    assert_eq!(written[0].options.as_ref().unwrap()["timeout"]["secs"], 3);
}

#[tokio::test]
async fn an_event_by_hand_belongs_to_the_transaction() {
    let test = TestApp::new().await.table(article::Entity).await;
    let article = draft("a").insert(test.db()).await.unwrap();
    let transaction = test.db().begin().await.unwrap();
    article::Entity::webhook("share").unwrap().send(&transaction, &article).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(test.names().await, ["article.created"]);
}

#[test]
fn thorn_055_a_manual_event_is_not_wired() {
    let manual: Vec<_> = article::Entity::EVENTS.iter().filter(|event| event.trigger == Trigger::Manual).collect();
    assert_eq!(manual.len(), 1);
    assert_eq!(manual[0].key, "share");
}

#[test]
fn thorn_056_and_057_absent_means_absent() {
    let keys: Vec<_> = article::Entity::EVENTS.iter().map(|event| event.key).collect();
    assert_eq!(keys, ["create", "change", "delete", "publish", "share"]);
    assert!(article::Entity::webhook("restore").unwrap_err().to_string().contains("restore"));
}
