//! Code that is generic over its connection or entity.

use async_trait::async_trait;
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DatabaseConnection, DatabaseExecutor, DbBackend, DbErr,
    EntityTrait, ExecResult, IntoActiveModel, QueryFilter, QueryResult, Set, Statement, TransactionTrait,
    sea_query::{Expr, ExprTrait},
};
use thorn::model::statement::announced;

use super::{
    entities::page::{self, Column, Entity, row},
    fresh,
};
use crate::app::TestApp;

/// A repository of an application, which knows nothing of thorn.
async fn work(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    Entity::insert(row("d")).exec(db).await?;
    let retitled = page::ActiveModel { id: Set(1), title: Set("new".into()), ..Default::default() };
    Entity::update(retitled).exec(db).await?;
    Entity::update_many()
        .col_expr(Column::Title, Expr::value("newer"))
        .filter(Expr::col(Column::Id).eq(2))
        .exec(db)
        .await?;
    Entity::delete_by_id(3).exec(db).await?;
    row("e").insert(db).await?.delete(db).await?;
    Ok(())
}

const EVENTS: [&str; 8] = [
    "page.created",
    "page.changed",
    "page.renamed",
    "page.changed",
    "page.renamed",
    "page.removed",
    "page.created",
    "page.removed",
];

#[tokio::test]
async fn code_generic_over_a_connection_announces_on_a_pool_and_in_a_transaction() {
    let test = TestApp::new().await;
    fresh(&test).await;
    work(test.db()).await.unwrap();
    assert_eq!(test.names().await, EVENTS);

    fresh(&test).await;
    work(&DatabaseExecutor::from(test.db())).await.unwrap();
    assert_eq!(test.names().await, EVENTS);

    fresh(&test).await;
    let transaction = test.db().begin().await.unwrap();
    work(&transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(test.names().await.is_empty());
    assert_eq!(test.count("page").await, 3);
}

#[tokio::test]
async fn without_its_events_a_statement_writes_nothing() {
    let test = TestApp::new().await;
    fresh(&test).await;
    test.break_outbox().await;
    let db = test.db();
    Entity::insert(row("d")).exec(db).await.unwrap_err();
    Entity::insert_many([row("d"), row("e")]).exec(db).await.unwrap_err();
    let retitled = page::ActiveModel { id: Set(1), title: Set("new".into()), ..Default::default() };
    Entity::update(retitled.clone()).exec(db).await.unwrap_err();
    Entity::update_many()
        .set(page::ActiveModel { title: Set("new".into()), ..Default::default() })
        .exec(db)
        .await
        .unwrap_err();
    Entity::delete(retitled).exec(db).await.unwrap_err();
    Entity::delete_many().exec(db).await.unwrap_err();
    let titles: Vec<_> = Entity::find().all(db).await.unwrap().into_iter().map(|page| page.title).collect();
    assert_eq!(titles.len(), 3);
    assert!(titles.iter().all(|title| title.starts_with("title of")), "{titles:?}");
}

#[tokio::test]
async fn seaorms_own_builder_announces_if_it_is_told_to() {
    let test = TestApp::new().await;
    fresh(&test).await;
    assert_eq!(announced(Entity::delete_by_slug("b")).exec(test.db()).await.unwrap().rows_affected, 1);
    assert_eq!(test.names().await, ["page.removed"]);
    test.forget().await;
    announced(sea_orm::Delete::many(Entity)).exec(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["page.removed"; 2]);
}

/// A connection type of the application's.
struct Own(DatabaseConnection);

#[async_trait]
impl ConnectionTrait for Own {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.query_all_raw(statement).await
    }
}

fn here(line: u32) -> String {
    format!("{}:{line}:", file!())
}

#[tokio::test]
async fn the_refusal_of_a_connection_without_a_transaction_names_the_line() {
    let test = TestApp::new().await;
    fresh(&test).await;
    let own = Own(test.db().clone());
    let (line, refused) = (line!(), Entity::insert(row("d")).exec(&own).await.unwrap_err().to_string());
    assert!(refused.contains(&here(line)) && refused.contains("`page`"), "{refused}");
    assert!(refused.contains("`&DatabaseConnection`") && refused.contains("db.begin()"), "{refused}");
    let (line, refused) = (line!(), row("d").insert(&own).await.unwrap_err().to_string());
    assert!(refused.contains(&here(line)), "{refused}");
    let insert = Entity::insert_many([row("d")]).with_hooks();
    let (line, refused) = (line!(), insert.exec(&own).await.unwrap_err().to_string());
    assert!(refused.contains(&here(line)), "{refused}");
    let update = Entity::update_many().col_expr(Column::Title, Expr::value("new")).with_hooks();
    let (line, refused) = (line!(), update.exec(&own).await.unwrap_err().to_string());
    assert!(refused.contains(&here(line)), "{refused}");
    let (line, refused) = (line!(), Entity::delete_many().with_hooks().exec(&own).await.unwrap_err().to_string());
    assert!(refused.contains(&here(line)), "{refused}");
    assert_eq!(test.count("page").await, 3);
}

#[tokio::test]
async fn the_refusal_of_a_generic_save_names_the_line_that_calls_seaorm() {
    const CALLS_SEAORM: u32 = line!() + 7;
    async fn generically<A, C>(row: A, db: &C) -> Result<<A::Entity as EntityTrait>::Model, DbErr>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        row.insert(db).await
    }

    let test = TestApp::new().await;
    fresh(&test).await;
    let refused = generically(row("d"), test.db()).await.unwrap_err().to_string();
    assert!(refused.contains(&here(CALLS_SEAORM)), "{refused}");
}
