//! Many at once, cancelled, joined.

use std::time::Duration;

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, Set,
    TransactionTrait,
};

use thorn_test_support::skipped;

use crate::{alone::alone, app::TestApp};

mod counter {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create = "counter.created",
        on_change(event = "counter.stepped", when = old.is_some_and(|old| old.n + 1 == new.n)),
        on_delete = "counter.removed",
        on_wrong(event = "counter.wrong", on = change, when = old.is_none_or(|old| old.n + 1 != new.n)),
        broadcast
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "counter")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub n: i32,
    }
}

/// Its own hook reads before anything is written.
mod numbered {
    use sea_orm::{PaginatorTrait, Set, entity::prelude::*};

    #[thorn::webhook_model(on_create = "numbered.created", custom_behavior, broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "numbered")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub number: i64,
    }

    #[thorn::active_model_behavior]
    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        async fn before_save<C: ConnectionTrait>(mut self, db: &C, _insert: bool) -> Result<Self, DbErr> {
            self.number = Set(i64::try_from(Entity::find().count(db).await?).unwrap());
            tokio::task::yield_now().await;
            Ok(self)
        }
    }
}

async fn counters(n: i32) -> (TestApp, Vec<counter::Model>) {
    let test = TestApp::new().await.table(counter::Entity).await;
    let rows = (0..n).map(|_| counter::ActiveModel { n: Set(0), ..Default::default() });
    let rows = thorn::without_events(thorn::insert_many(rows, test.db())).await.unwrap();
    (test, rows)
}

async fn step<C>(row: counter::Model, db: &C) -> Result<counter::Model, DbErr>
where
    C: ConnectionTrait + TransactionTrait,
{
    let mut next = row.clone().into_active_model();
    next.n = Set(row.n + 1);
    next.update(db).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_of_fifty_updates_each_know_their_old_row() {
    let (test, rows) = counters(8).await;
    let tasks = rows.into_iter().map(|mut row| {
        let db = test.db().clone();
        tokio::spawn(async move {
            for round in 0..50 {
                row = if round % 2 == 0 {
                    step(row, &db).await.unwrap()
                } else {
                    // A transaction of the caller's that begins with our read.
                    let transaction = db.begin().await.unwrap();
                    let row = step(row, &transaction).await.unwrap();
                    transaction.commit().await.unwrap();
                    row
                };
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let names = test.names().await;
    assert_eq!(names.len(), 400);
    assert!(names.iter().all(|name| name == "counter.stepped"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_that_reads_first_waits_for_other_writers() {
    let test = TestApp::new().await.table(numbered::Entity).await;
    if test.db().get_database_backend() != DbBackend::Sqlite {
        return skipped("only SQLite has a single writer; elsewhere such a hook must lock what it reads");
    }
    let tasks = (0..4).map(|_| {
        let db = test.db().clone();
        tokio::spawn(async move {
            for _ in 0..25 {
                numbered::ActiveModel { ..Default::default() }.insert(&db).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(test.names().await.len(), 100);
}

#[tokio::test]
async fn updates_joined_in_one_transaction_do_not_mix_up_their_old_rows() {
    let (test, rows) = counters(2).await;
    let transaction = test.db().begin().await.unwrap();
    let (a, b) = tokio::join!(step(rows[0].clone(), &transaction), step(rows[1].clone(), &transaction));
    a.unwrap();
    b.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(test.names().await, ["counter.stepped"; 2]);
}

#[tokio::test]
async fn thorn_073_nothing_stays_behind_after_errors_and_cancellation() {
    // Rows left behind are counted for the whole process.
    alone!(thorn_073_nothing_stays_behind_after_errors_and_cancellation);
    async fn generically<A, C>(row: A, db: &C) -> Result<<A::Entity as EntityTrait>::Model, DbErr>
    where
        A: ActiveModelTrait + ActiveModelBehavior + Send,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        row.update(db).await
    }

    let (test, rows) = counters(1).await;
    let mut row = rows[0].clone();
    for micros in 0..60 {
        let _ = tokio::time::timeout(Duration::from_micros(micros * 20), step(row.clone(), test.db())).await;
        // Waits for the lock, that is until the cancelled transaction has ended.
        test.db().execute_unprepared("UPDATE counter SET n = n").await.unwrap();
        row = counter::Entity::find().one(test.db()).await.unwrap().unwrap();
    }
    assert_eq!(i64::from(row.n), test.count("thorn_event").await);

    let missing = counter::ActiveModel { id: Set(404), n: Set(1) };
    missing.update(test.db()).await.unwrap_err();

    // A generic caller's old row is taken from the shared store, not left in it.
    let transaction = test.db().begin().await.unwrap();
    let mut next = row.clone().into_active_model();
    next.n = Set(row.n + 1);
    generically(next, &transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(test.names().await.iter().all(|name| name == "counter.stepped"));
    assert_eq!(thorn::__private::rows_left_behind(), 0);
}

#[tokio::test]
async fn cancelled_inserts_leave_as_many_rows_as_events() {
    let test = TestApp::new().await.table(counter::Entity).await;
    for micros in 0..60 {
        let row = counter::ActiveModel { n: Set(0), ..Default::default() };
        let _ = tokio::time::timeout(Duration::from_micros(micros * 20), row.insert(test.db())).await;
    }
    // One statement sees one moment, even while the last of them is still being rolled back.
    let difference = "SELECT (SELECT COUNT(*) FROM counter) - (SELECT COUNT(*) FROM thorn_event) AS n";
    assert_eq!(test.number(difference).await, 0);
}
