//! A change and its event commit together, or neither does.

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Set, TransactionTrait,
};

use super::entities::article::{self, State, draft};
use crate::app::TestApp;

async fn database() -> TestApp {
    TestApp::new().await.table(article::Entity).await
}

#[tokio::test]
async fn thorn_077_events_become_visible_with_the_commit_in_order() {
    let test = database().await;
    let transaction = test.db().begin().await.unwrap();
    let article = draft("a").insert(&transaction).await.unwrap();
    let mut article = article.into_active_model();
    article.state = Set(State::Published);
    article.update(&transaction).await.unwrap().delete(&transaction).await.unwrap();
    assert!(test.names().await.is_empty());
    transaction.commit().await.unwrap();
    assert_eq!(test.names().await, ["article.created", "article.changed", "article.published", "article.removed"]);
}

#[tokio::test]
async fn thorn_077_a_rollback_discards_row_and_event() {
    let test = database().await;
    let transaction = test.db().begin().await.unwrap();
    draft("a").insert(&transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(test.names().await.is_empty());

    let failed = test.db().transaction::<_, (), DbErr>(|transaction| {
        Box::pin(async move {
            draft("a").insert(transaction).await?;
            Err(DbErr::Custom("changed my mind".to_owned()))
        })
    });
    assert!(failed.await.is_err());
    assert!(test.names().await.is_empty());
    assert_eq!(test.count("article").await, 0);
}

#[tokio::test]
async fn thorn_078_a_savepoint_discards_only_its_own_events() {
    let test = database().await;
    let outer = test.db().begin().await.unwrap();
    draft("kept").insert(&outer).await.unwrap();
    let inner = outer.begin().await.unwrap();
    draft("discarded").insert(&inner).await.unwrap();
    inner.rollback().await.unwrap();
    outer.commit().await.unwrap();
    let written = test.written().await;
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].body["data"]["title"], "kept");
}

#[tokio::test]
async fn thorn_079_without_a_transaction_the_call_opens_its_own() {
    let test = database().await;
    let article = draft("a").insert(test.db()).await.unwrap();
    let mut change = article.into_active_model();
    change.title = Set("b".to_owned());
    let saved = change.save(test.db()).await.unwrap();
    saved.delete(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["article.created", "article.changed", "article.removed"]);
}

#[tokio::test]
async fn thorn_080_payload_and_filter_are_those_of_the_moment_of_change() {
    let test = database().await;
    let transaction = test.db().begin().await.unwrap();
    let mut article = draft("before").insert(&transaction).await.unwrap().into_active_model();
    article.title = Set("after".to_owned());
    article.update(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let titles: Vec<_> = test.written().await.iter().map(|event| event.body["data"]["title"].clone()).collect();
    assert_eq!(titles, ["before", "after"]);
}

#[tokio::test]
async fn thorn_081_a_deletion_in_a_transaction_keeps_its_reference() {
    let test = database().await;
    let article = draft("a").insert(test.db()).await.unwrap();
    let transaction = test.db().begin().await.unwrap();
    article.delete(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(test.written().await[1].body["ref"], "/articles/1");
}

#[tokio::test]
async fn without_its_event_the_row_is_not_written() {
    let test = database().await;
    let article = draft("before").insert(test.db()).await.unwrap();
    test.break_outbox().await;

    assert!(draft("new").insert(test.db()).await.unwrap_err().to_string().contains("thorn_event"));
    let mut change = article.clone().into_active_model();
    change.title = Set("after".to_owned());
    change.clone().update(test.db()).await.unwrap_err();
    change.clone().update_without_returning(test.db()).await.unwrap_err();
    change.save(test.db()).await.unwrap_err();
    article.clone().delete(test.db()).await.unwrap_err();
    assert_eq!(article::Entity::find().all(test.db()).await.unwrap(), [article]);
}

#[tokio::test]
async fn without_the_row_no_event_is_written() {
    let test = database().await;
    let missing = article::ActiveModel { id: Set(404), title: Set("x".to_owned()), ..Default::default() };
    missing.clone().update(test.db()).await.unwrap_err();
    missing.update_without_returning(test.db()).await.unwrap_err();
    let mut twice = draft("a");
    twice.id = Set(1);
    twice.clone().insert(test.db()).await.unwrap();
    twice.insert(test.db()).await.unwrap_err();
    assert_eq!(test.names().await, ["article.created"]);
}

async fn insert_generically<A, C>(row: A, db: &C) -> Result<<A::Entity as EntityTrait>::Model, DbErr>
where
    A: ActiveModelTrait + ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    row.insert(db).await
}

async fn delete_generically<A, C>(row: A, db: &C) -> Result<(), DbErr>
where
    A: ActiveModelTrait + ActiveModelBehavior + Send,
    C: ConnectionTrait,
{
    row.delete(db).await.map(drop)
}

#[tokio::test]
async fn a_generic_caller_is_refused_outside_a_transaction_and_served_inside() {
    let test = database().await;
    let refusal = insert_generically(draft("a"), test.db()).await.unwrap_err().to_string();
    assert!(refusal.contains("`article`") && refusal.contains("DatabaseTransaction"), "{refusal}");
    assert_eq!(test.count("article").await, 0);

    let transaction = test.db().begin().await.unwrap();
    let article = insert_generically(draft("a"), &transaction).await.unwrap();
    transaction.commit().await.unwrap();
    delete_generically(article.clone().into_active_model(), test.db()).await.unwrap_err();
    assert_eq!(test.count("article").await, 1);

    let transaction = test.db().begin().await.unwrap();
    delete_generically(article.into_active_model(), &transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(test.names().await, ["article.created", "article.removed"]);
}
