//! DELETEs with own hooks.

use sea_orm::{ColumnTrait, DbErr, QueryFilter, QueryTrait};

use super::{
    entities::{task, told},
    events, spawnable, tasks, with_tasks,
};

#[tokio::test]
async fn the_hooks_run_around_one_statement_and_the_event_has_the_row_as_it_was_deleted() {
    let test = with_tasks(&[("a", "open"), ("b", "marked"), ("c", "open")]).await;
    let delete = task::Entity::delete_many().filter(task::Column::Title.ne("c")).with_hooks();
    let (rows, hooks) = told(spawnable(delete.exec_with_returning(test.db()))).await;
    let states: Vec<_> = rows.unwrap().into_iter().map(|row| row.state).collect();
    assert_eq!(states, ["open", "deleted"], "a hook has changed the second row");
    let expected =
        ["before_delete(a, open)", "before_delete(b, marked)", "after_delete(a, open)", "after_delete(b, marked)"];
    assert_eq!(hooks, expected);
    assert_eq!(events(&test).await, ["task.removed a", "task.removed b"]);
    assert_eq!(test.written().await[1].body["data"]["state"], "deleted");
    assert_eq!(tasks(&test).await.len(), 1);
}

#[tokio::test]
async fn a_deletion_by_keys_counts_its_rows() {
    let test = with_tasks(&[("a", "open"), ("b", "open"), ("c", "open")]).await;
    let delete = task::Entity::delete_many().filter_by_ids([1, 3, 9]).with_hooks();
    let (deleted, hooks) = told(spawnable(delete.exec(test.db()))).await;
    assert_eq!((deleted.unwrap().rows_affected, hooks.len()), (2, 4));
    assert_eq!(events(&test).await.len(), 2);
}

#[tokio::test]
async fn a_deletion_that_was_changed_through_query_is_refused() {
    let test = with_tasks(&[("a", "open")]).await;
    let mut delete = task::Entity::delete_many();
    QueryTrait::query(&mut delete).and_where(task::Column::Title.eq("a"));
    let Err(DbErr::Custom(refusal)) = delete.with_hooks().exec(test.db()).await else { panic!("it isn't refused") };
    assert!(refusal.contains("`with_hooks()` on `task`") && refusal.contains("`filter`"), "{refusal}");
    let own = thorn::model::statement::announced(sea_orm::Delete::many(task::Entity)).with_hooks();
    own.exec(test.db()).await.unwrap_err();
    assert_eq!((tasks(&test).await.len(), events(&test).await.len()), (1, 0));
}
