//! Upserts by many at once: each is announced as what it was.

use sea_orm::{
    ColumnTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, Set,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use thorn_test_support::skipped;

use crate::app::TestApp;

mod tally {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create = "tally.created",
        on_step(event = "tally.stepped", on = change, when = old.is_some_and(|old| old.n + 1 == new.n)),
        on_wrong(event = "tally.wrong", on = change, when = old.is_none_or(|old| old.n + 1 != new.n)),
        broadcast
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tally")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
        pub n: i32,
    }
}

use tally::{ActiveModel, Column, Entity};

const TASKS: i64 = 6;
const ROUNDS: i64 = 10;
const NAMES: i64 = 3;

fn row(name: i64) -> ActiveModel {
    ActiveModel { name: Set(format!("n{name}")), n: Set(0), ..Default::default() }
}

async fn step(name: i64, db: &DatabaseConnection) -> Result<(), DbErr> {
    let next = Expr::col((Entity, Column::N)).add(1);
    let step = OnConflict::column(Column::Name).value(Column::N, next).to_owned();
    Entity::insert(row(name)).on_conflict(step).exec_without_returning(db).await.map(drop)
}

async fn once(name: i64, db: &DatabaseConnection) -> Result<(), DbErr> {
    Entity::insert(row(name)).on_conflict_do_nothing_on([Column::Name]).exec_without_returning(db).await.map(drop)
}

/// MariaDB may end one of two such statements with a deadlock, thorn or not.
async fn again_after_a_deadlock<F: Future<Output = Result<(), DbErr>>>(work: impl Fn() -> F) {
    while let Err(error) = work().await {
        assert!(error.to_string().to_lowercase().contains("deadlock"), "{error}");
    }
}

async fn by_many(test: &TestApp, once_only: bool) {
    let tasks = (0..TASKS).map(|task| {
        let db = test.db().clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let name = (task + round) % NAMES;
                if once_only {
                    again_after_a_deadlock(|| once(name, &db)).await;
                } else {
                    again_after_a_deadlock(|| step(name, &db)).await;
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn count(test: &TestApp, name: &str) -> usize {
    test.names().await.iter().filter(|event| *event == name).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upserts_of_many_are_one_creation_and_then_changes_from_the_value_before() {
    let test = TestApp::new().await.table(Entity).await;
    by_many(&test, false).await;
    let steps = usize::try_from(TASKS * ROUNDS - NAMES).unwrap();
    let counts =
        [count(&test, "tally.created").await, count(&test, "tally.stepped").await, count(&test, "tally.wrong").await];
    assert_eq!(counts, [usize::try_from(NAMES).unwrap(), steps, 0]);
    let rows = Entity::find().all(test.db()).await.unwrap();
    assert_eq!(rows.iter().map(|row| i64::from(row.n)).sum::<i64>(), TASKS * ROUNDS - NAMES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_inserts_that_do_nothing_on_conflict_only_the_first_is_announced() {
    let test = TestApp::new().await.table(Entity).await;
    by_many(&test, true).await;
    assert_eq!(test.names().await, ["tally.created"; 3]);
    assert_eq!(test.count("tally").await, NAMES);
}

#[tokio::test]
async fn an_upsert_in_a_transaction_without_a_conflict_target_knows_the_old_row() {
    use sea_orm::{QueryFilter, TransactionTrait};
    let test = TestApp::new().await.table(Entity).await;
    let transaction = test.db().begin().await.unwrap();
    Entity::insert(row(1)).exec(&transaction).await.unwrap();
    let next = Expr::col((Entity, Column::N)).add(1);
    let update = OnConflict::column(Column::Name).value(Column::N, next).to_owned();
    Entity::insert_many([row(1), row(2)]).on_conflict(update).exec(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let mut names = test.names().await;
    names.sort();
    assert_eq!(names, ["tally.created", "tally.created", "tally.stepped"]);
    let first = Entity::find().filter(Column::Name.eq("n1")).one(test.db()).await.unwrap().unwrap();
    assert_eq!(first.n, 1);
}

#[tokio::test]
async fn a_row_that_one_statement_hits_twice_is_created_and_then_changed() {
    let test = TestApp::new().await.table(Entity).await;
    if test.db().get_database_backend() == DbBackend::Postgres {
        return skipped("PostgreSQL refuses such a statement");
    }
    let next = Expr::col((Entity, Column::N)).add(1);
    let update = OnConflict::column(Column::Name).value(Column::N, next).to_owned();
    Entity::insert_many([row(1), row(1), row(1)]).on_conflict(update).exec(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["tally.created", "tally.stepped", "tally.stepped"]);
}
