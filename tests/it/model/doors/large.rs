//! Statements that match more rows than one batch has.

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Set,
    sea_query::{Expr, ExprTrait},
};

use thorn_test_support::skipped;

use super::entities::page::{self, Column, Entity};
use crate::app::TestApp;

const ROWS: i32 = 2500;

async fn database() -> TestApp {
    let test = TestApp::new().await.table(Entity).await;
    let rows =
        (1..=ROWS).map(|n| page::ActiveModel { id: Set(n), slug: Set(format!("{n}")), title: Set("old".into()) });
    thorn::without_events(async { Entity::insert_many(rows).exec_without_returning(test.db()).await.unwrap() }).await;
    test
}

async fn count(test: &TestApp, name: &str) -> i64 {
    test.number(&format!("SELECT COUNT(*) FROM thorn_event WHERE name = '{name}'")).await
}

#[tokio::test]
async fn each_row_of_a_large_update_is_updated_and_announced_once() {
    let test = database().await;
    // The rows that are done no longer match, and some match again.
    let update = Entity::update_many().col_expr(Column::Title, Expr::value("new")).filter(Column::Id.gt(1));
    assert_eq!(update.exec(test.db()).await.unwrap().rows_affected, 2499);
    assert_eq!([count(&test, "page.changed").await, count(&test, "page.renamed").await], [2499; 2]);
    assert_eq!(test.number("SELECT COUNT(*) FROM page WHERE title = 'new'").await, 2499);

    let update = Entity::update_many().col_expr(Column::Title, Expr::value("newer")).filter(Column::Title.eq("new"));
    assert_eq!(update.exec(test.db()).await.unwrap().rows_affected, 2499);
    assert_eq!(count(&test, "page.renamed").await, 2 * 2499);
}

#[tokio::test]
async fn each_row_of_a_large_deletion_is_deleted_and_announced_once() {
    let test = database().await;
    let deleted = Entity::delete_many().filter(Column::Id.gt(100)).exec(test.db()).await.unwrap();
    assert_eq!(deleted.rows_affected, 2400);
    assert_eq!(count(&test, "page.removed").await, 2400);
    assert_eq!(test.count("page").await, 100);
}

#[tokio::test]
async fn a_large_update_with_a_subquery_is_one_statement() {
    let test = database().await;
    if super::is_mysql(test.db()) {
        return skipped("MySQL can't read the table that it updates");
    }
    // In batches, the rows of the second one would find a row with the title `new`.
    let nobody = Entity::find().select_only().expr(Expr::val(1)).filter(Column::Title.eq("new")).into_query();
    let update = Entity::update_many().col_expr(Column::Title, Expr::value("new")).filter(Expr::exists(nobody).not());
    assert_eq!(update.exec(test.db()).await.unwrap().rows_affected, 2500);
    assert_eq!(count(&test, "page.renamed").await, 2500);
}
