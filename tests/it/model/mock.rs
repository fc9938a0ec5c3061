//! Unit tests of an application with SeaORM's `MockDatabase`, as `docs/guide/testing.md` describes them.

use sea_orm::{DatabaseBackend, DbErr, MockDatabase, MockExecResult};

use super::entities::article;

fn row() -> article::Model {
    article::Model { id: 1, title: "Hello".to_owned(), state: article::State::Draft, author_id: Some(7) }
}

#[tokio::test]
async fn a_save_without_events_needs_its_own_results_only() {
    let db = MockDatabase::new(DatabaseBackend::Postgres).append_query_results([[row()]]).into_connection();
    let saved = thorn::without_events(article::draft("Hello").insert(&db)).await.unwrap();
    assert_eq!(saved, row());
}

#[tokio::test]
async fn a_save_with_its_event_needs_one_more_result_and_the_log_shows_the_event() {
    let announced = MockExecResult { last_insert_id: 0, rows_affected: 1 };
    let db = MockDatabase::new(DatabaseBackend::Postgres)
        .append_query_results([[row()]])
        .append_exec_results([announced])
        .into_connection();
    article::draft("Hello").insert(&db).await.unwrap();
    let log = format!("{:?}", db.into_transaction_log());
    assert!(log.contains("thorn_event") && log.contains("article.created"), "{log}");
}

#[tokio::test]
async fn without_that_result_the_error_says_what_is_missing() {
    let db = MockDatabase::new(DatabaseBackend::Postgres).append_query_results([[row()]]).into_connection();
    let error = article::draft("Hello").insert(&db).await.unwrap_err();
    assert!(matches!(error, DbErr::Exec(_)), "{error}");
}
