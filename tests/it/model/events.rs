//! Which change fires which event.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait, Set, TransactionTrait};

use super::entities::{
    article::{self, State, draft},
    mark,
};
use crate::app::TestApp;

async fn database() -> TestApp {
    TestApp::new().await.table(article::Entity).await.table(mark::Entity).await
}

#[tokio::test]
async fn thorn_061_create_and_change_never_both() {
    let test = database().await;
    let saved = draft("a").save(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["article.created"]);
    let mut saved = saved;
    saved.title = Set("b".to_owned());
    saved.save(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["article.created", "article.changed"]);
}

#[tokio::test]
async fn thorn_062_change_fires_without_a_difference() {
    let test = database().await;
    let article = draft("a").insert(test.db()).await.unwrap();
    test.forget().await;
    let mut same = article.into_active_model();
    same.title = Set("a".to_owned());
    same.update(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["article.changed"]);
}

#[tokio::test]
async fn thorn_062_an_update_that_sets_no_column_fires_nothing() {
    let test = database().await;
    let article = draft("a").insert(test.db()).await.unwrap();
    test.forget().await;
    article.clone().into_active_model().update(test.db()).await.unwrap();
    article.clone().into_active_model().save(test.db()).await.unwrap();
    // Only the key is set, and SeaORM never changes it.
    article::ActiveModel { id: Set(article.id), ..Default::default() }.update(test.db()).await.unwrap();
    let mut equal = article.clone().into_active_model();
    equal.title.set_if_not_equals("a".to_owned());
    equal.update(test.db()).await.unwrap();
    assert!(test.names().await.is_empty());
    // An update of the same row that follows isn't taken for one of these, in a transaction without a scope either.
    let txn = test.db().begin().await.unwrap();
    ActiveModelTrait::update(article.clone().into_active_model(), &txn).await.unwrap();
    let mut changed = article.into_active_model();
    changed.title = Set("b".to_owned());
    ActiveModelTrait::update(changed, &txn).await.unwrap();
    txn.commit().await.unwrap();
    assert_eq!(test.names().await, ["article.changed"]);
}

#[tokio::test]
async fn thorn_063_delete_fires_with_the_identity_of_the_row() {
    let test = database().await;
    let article = draft("a").insert(test.db()).await.unwrap();
    let by_key_alone = article::ActiveModel { id: Set(article.id), ..Default::default() };
    by_key_alone.delete(test.db()).await.unwrap();
    let removed = &test.written().await[1];
    assert_eq!(removed.name, "article.removed");
    assert_eq!(removed.body["data"], serde_json::json!({"id": 1, "title": "a", "state": "draft"}));
    assert_eq!(removed.body["ref"], "/articles/1");
}

#[tokio::test]
async fn deleting_a_missing_row_announces_nothing() {
    let test = database().await;
    let missing = article::ActiveModel { id: Set(404), ..Default::default() };
    assert_eq!(missing.delete(test.db()).await.unwrap().rows_affected, 0);
    let missing = article::Model { id: 404, title: "x".to_owned(), state: State::Draft, author_id: None };
    assert_eq!(missing.delete(test.db()).await.unwrap().rows_affected, 0);
    // A model that is nothing but its key: no column could tell that the row was there.
    let missing = mark::Model { left: 1, right: "x".to_owned() };
    assert_eq!(missing.delete(test.db()).await.unwrap().rows_affected, 0);
    assert!(test.names().await.is_empty());
}

#[tokio::test]
async fn update_without_returning_announces_too() {
    let test = database().await;
    let mut article = draft("a").insert(test.db()).await.unwrap().into_active_model();
    article.state = Set(State::Published);
    assert_eq!(article.update_without_returning(test.db()).await.unwrap().rows_affected, 1);
    assert_eq!(test.names().await, ["article.created", "article.changed", "article.published"]);
}

#[tokio::test]
async fn thorn_003_columns_stand_in_names_and_stay_in_their_segment() {
    let test = database().await;
    let mark = mark::ActiveModel { left: Set(3), right: Set("a.b *".to_owned()) }.insert(test.db()).await.unwrap();
    mark.delete(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["mark.3.set", "mark.3.a%2Eb%20%2A.removed"]);
}

#[tokio::test]
async fn thorn_002_an_empty_segment_fails_the_save() {
    let test = database().await;
    let mark = mark::ActiveModel { left: Set(3), right: Set(String::new()) }.insert(test.db()).await.unwrap();
    let error = mark.clone().delete(test.db()).await.unwrap_err().to_string();
    assert!(error.contains("empty"), "{error}");
    assert!(mark::Entity::find_by_id((3, String::new())).one(test.db()).await.unwrap().is_some());
}

#[tokio::test]
async fn thorn_017_with_a_sender_only_its_owner_hears() {
    let test = database().await;
    draft("a").insert(test.db()).await.unwrap();
    let mut anonymous = draft("b");
    anonymous.author_id = Set(None);
    anonymous.insert(test.db()).await.unwrap();
    mark::ActiveModel { left: Set(1), right: Set("x".to_owned()) }.insert(test.db()).await.unwrap();

    let written = test.written().await;
    let heard: Vec<_> = written.iter().map(|event| (event.sender.as_deref(), event.broadcast)).collect();
    // A null sender is no licence to tell everybody; a model without `sender` is.
    assert_eq!(heard, [(Some("7"), false), (None, false), (None, true)]);
    assert_eq!(written[0].body["sender"], "7");
}

#[tokio::test]
async fn thorn_065_what_is_seeded_is_not_announced() {
    let test = database().await;
    let article = thorn::without_events(async {
        let article = draft("a").insert(test.db()).await.unwrap();
        article.clone().into_active_model().update(test.db()).await.unwrap();
        thorn::insert_many([draft("b")], test.db()).await.unwrap();
        article
    })
    .await;
    assert!(test.names().await.is_empty());
    article.delete(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["article.removed"]);
}

#[tokio::test]
async fn methods_of_the_trait_are_still_there() {
    let test = database().await;
    let article = draft("a").insert(test.db()).await.unwrap();
    assert!(!article.clone().into_active_model().is_changed());
    assert_eq!(article.get(article::Column::Title), "a".into());
}
