//! INSERTs with own hooks.

use sea_orm::{DbErr, QueryTrait, Set, TransactionTrait, TryInsertResult, sea_query::OnConflict};

use super::{
    database,
    entities::{half, task, told},
    events, spawnable, tasks, with_tasks,
};
use crate::{app::TestApp, model::entities::mark};

fn row(id: i32, title: &str) -> task::ActiveModel {
    task::ActiveModel { id: Set(id), ..task::row(title) }
}

/// The title has the unique index.
fn reopen() -> OnConflict {
    OnConflict::column(task::Column::Title).update_column(task::Column::State).to_owned()
}

#[tokio::test]
async fn the_hooks_run_around_one_statement_and_each_row_is_announced_once() {
    let test = database().await;
    let insert = task::Entity::insert_many([row(1, " a "), row(2, "b")]).with_hooks();
    let (rows, hooks) = told(spawnable(insert.exec_with_returning(test.db()))).await;
    let titles: Vec<_> = rows.unwrap().into_iter().map(|row| row.title).collect();
    assert_eq!(titles, ["a", "b"]);
    let expected = [
        "before_save(set  a , set open, true)",
        "before_save(set b, set open, true)",
        "after_save(a, open, 1, true)",
        "after_save(b, open, 1, true)",
    ];
    assert_eq!(hooks, expected);
    let expected = ["audit.created saved a", "audit.created saved b", "task.created a", "task.created b"];
    assert_eq!(events(&test).await, expected);
}

#[tokio::test]
async fn without_with_hooks_no_own_hook_runs() {
    let test = database().await;
    let (rows, hooks) = told(thorn::insert_many([row(1, " a ")], test.db())).await;
    assert_eq!(rows.unwrap()[0].title, " a ");
    assert!(hooks.is_empty(), "{hooks:?}");
    assert_eq!(events(&test).await, ["task.created  a "]);
}

#[tokio::test]
async fn an_upsert_tells_after_save_which_rows_it_inserted() {
    let test = with_tasks(&[("old", "done")]).await;
    let insert = task::Entity::insert_many([row(7, "old"), row(8, "new")]).on_conflict(reopen()).with_hooks();
    let (result, hooks) = told(spawnable(insert.exec(test.db()))).await;
    result.unwrap();
    let expected = [
        "before_save(set old, set open, true)",
        "before_save(set new, set open, true)",
        "after_save(old, open, 1, false)",
        "after_save(new, open, 1, true)",
    ];
    assert_eq!(hooks, expected);
    let expected = ["audit.created saved old", "audit.created saved new", "task.changed old", "task.created new"];
    assert_eq!(events(&test).await, expected);
    assert_eq!(test.written().await[2].body["previous"], serde_json::json!({ "state": "done" }));

    let insert = task::Entity::insert(row(9, " old")).on_conflict(reopen()).with_hooks();
    let (row, hooks) = told(spawnable(insert.exec_with_returning(test.db()))).await;
    assert_eq!(row.unwrap().title, "old");
    assert_eq!(hooks.last().unwrap(), "after_save(old, open, 1, false)");
}

#[tokio::test]
async fn a_row_that_a_conflict_leaves_alone_has_no_hook_after_it() {
    let test = with_tasks(&[("old", "done")]).await;
    let insert = |rows: [task::ActiveModel; 2]| {
        task::Entity::insert_many(rows).on_conflict_do_nothing_on([task::Column::Title]).with_hooks()
    };
    let (inserted, hooks) =
        told(spawnable(insert([row(7, "old"), row(8, "new")]).exec_with_returning_many(test.db()))).await;
    let TryInsertResult::Inserted(rows) = inserted.unwrap() else { panic!("one row is new") };
    assert_eq!(rows.len(), 1);
    assert_eq!(hooks[2..], ["after_save(new, open, 1, true)"]);
    assert_eq!(events(&test).await, ["audit.created saved new", "task.created new"]);
    test.forget().await;

    let inserted = spawnable(insert([row(17, "old"), row(18, "new")]).exec_with_returning(test.db())).await.unwrap();
    assert!(matches!(inserted, TryInsertResult::Conflicted), "{inserted:?}");
    let one = task::Entity::insert(task::row("old")).on_conflict_do_nothing_on([task::Column::Title]).with_hooks();
    assert!(matches!(spawnable(one.exec(test.db())).await.unwrap(), TryInsertResult::Conflicted));
    assert!(events(&test).await.is_empty());
}

#[tokio::test]
async fn nothing_to_insert_runs_no_hook() {
    let test = database().await;
    let (inserted, hooks) =
        told(task::Entity::insert_many(Vec::<task::ActiveModel>::new()).with_hooks().exec(test.db())).await;
    assert_eq!((inserted.unwrap().last_insert_id, hooks), (None, vec![]));
}

#[tokio::test]
async fn a_rollback_of_the_caller_takes_rows_hooks_and_events_back() {
    let test = database().await;
    let transaction = test.db().begin().await.unwrap();
    let insert = task::Entity::insert_many([row(1, "a"), row(2, "b")]).with_hooks();
    assert!(insert.exec(&transaction).await.unwrap().last_insert_id.is_some());
    transaction.rollback().await.unwrap();
    assert_eq!((test.count("task").await, test.count("audit").await), (0, 0));
    assert!(events(&test).await.is_empty());
}

#[tokio::test]
async fn hooks_run_without_events_and_their_own_rows_are_silent_too() {
    let test = database().await;
    let insert = task::Entity::insert_many([row(1, " a ")]).with_hooks();
    let (_, hooks) = told(thorn::without_events(insert.exec(test.db()))).await;
    assert_eq!(hooks.len(), 2);
    assert_eq!((tasks(&test).await[0].0.as_str(), test.count("audit").await), ("a", 1));
    assert!(events(&test).await.is_empty());
}

#[tokio::test]
async fn an_entity_without_own_hooks_is_written_as_without_with_hooks() {
    let test = TestApp::new().await.table(mark::Entity).await;
    let row = |left| mark::ActiveModel { left: Set(left), right: Set("x".into()) };
    mark::Entity::insert_many([row(1), row(2)]).with_hooks().exec(test.db()).await.unwrap();
    mark::Entity::delete_many().with_hooks().exec(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["mark.1.set", "mark.2.set", "mark.1.x.removed", "mark.2.x.removed"]);
}

#[tokio::test]
async fn a_hook_that_is_not_compiled_leaves_thorns() {
    let test = TestApp::new().await.table(half::Entity).await;
    let (row, hooks) = told(half::ActiveModel { id: Set(1), name: Set("a".into()) }.insert(test.db())).await;
    row.unwrap();
    assert_eq!(hooks, ["before_save(a)"]);
    assert_eq!(test.names().await, ["half.created"]);
}

#[tokio::test]
async fn an_insert_that_was_changed_through_query_is_refused() {
    let test = database().await;
    let mut insert = task::Entity::insert_many([row(1, "a")]);
    QueryTrait::query(&mut insert).on_conflict(reopen());
    let Err(DbErr::Custom(refusal)) = insert.with_hooks().exec(test.db()).await else { panic!("it isn't refused") };
    assert!(refusal.contains("`with_hooks()` on `task`") && refusal.contains("`query()`"), "{refusal}");
    assert_eq!(test.count("task").await, 0);
}
