//! Bulk statements that announce what they did.

use sea_orm::{ColumnTrait, Condition, EntityTrait, TransactionTrait, sea_query::Expr};

use super::entities::article::{self, Column, Entity, State, draft};
use crate::app::TestApp;

async fn database(titles: &[&str]) -> TestApp {
    let test = TestApp::new().await.table(article::Entity).await;
    <Entity as EntityTrait>::insert_many(titles.iter().map(|title| draft(title))).exec(test.db()).await.unwrap();
    test
}

#[tokio::test]
async fn thorn_064_insert_many_fires_once_per_row() {
    let test = database(&[]).await;
    let titles: Vec<_> = (0..1200).map(|n| n.to_string()).collect();
    let rows = thorn::insert_many(titles.iter().map(|title| draft(title)), test.db()).await.unwrap();
    assert_eq!(rows.len(), 1200);
    let written = test.written().await;
    assert_eq!(written.len(), 1200);
    let announced: Vec<_> = written.iter().map(|event| event.body["data"]["title"].as_str().unwrap()).collect();
    assert_eq!(announced, titles);
    assert!(thorn::insert_many(Vec::<article::ActiveModel>::new(), test.db()).await.unwrap().is_empty());
}

#[tokio::test]
async fn thorn_064_update_many_knows_each_old_row() {
    let test = database(&["a", "b", "c"]).await;
    thorn::update_many::<Entity, _>(Column::Title.eq("a"), publish, test.db()).await.unwrap();
    assert_eq!(test.names().await, ["article.changed", "article.published"]);
    test.forget().await;

    let rows = thorn::update_many::<Entity, _>(Column::Title.ne("c"), publish, test.db()).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.state == State::Published));
    let mut names = test.names().await;
    names.sort();
    assert_eq!(names, ["article.changed", "article.changed", "article.published"]);
}

fn publish(update: sea_orm::UpdateMany<Entity>) -> sea_orm::UpdateMany<Entity> {
    update.col_expr(Column::State, Expr::value("published"))
}

#[tokio::test]
async fn thorn_063_delete_many_fires_once_per_row() {
    let test = database(&["a", "b", "c"]).await;
    let gone = thorn::delete_many::<Entity, _>(Column::Title.is_in(["a", "c"]), test.db()).await.unwrap();
    assert_eq!(gone.len(), 2);
    assert_eq!(test.count("article").await, 1);
    let mut titles: Vec<_> =
        test.written().await.iter().map(|event| event.body["data"]["title"].as_str().unwrap().to_owned()).collect();
    titles.sort();
    assert_eq!(titles, ["a", "c"]);
}

#[tokio::test]
async fn bulk_statements_join_the_callers_transaction() {
    let test = database(&["a"]).await;
    let transaction = test.db().begin().await.unwrap();
    thorn::insert_many([draft("b")], &transaction).await.unwrap();
    thorn::update_many::<Entity, _>(Condition::all(), publish, &transaction).await.unwrap();
    thorn::delete_many::<Entity, _>(Condition::all(), &transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(test.count("article").await, 1);
    assert!(test.names().await.is_empty());
}

#[tokio::test]
async fn without_their_events_bulk_statements_do_nothing() {
    let test = database(&["a"]).await;
    test.break_outbox().await;
    thorn::insert_many([draft("b")], test.db()).await.unwrap_err();
    thorn::update_many::<Entity, _>(Condition::all(), publish, test.db()).await.unwrap_err();
    thorn::delete_many::<Entity, _>(Condition::all(), test.db()).await.unwrap_err();
    let rows = Entity::find().all(test.db()).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, State::Draft);
}
