//! UPDATEs with own hooks.

use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryTrait, Set,
    sea_query::{Expr, ExprTrait},
};
use serde_json::json;

use super::{
    entities::{half, task, told},
    events, spawnable, tasks, with_tasks,
};
use crate::app::TestApp;

fn set_state(state: &str) -> thorn::model::statement::UpdateMany<task::Entity> {
    task::Entity::update_many().col_expr(task::Column::State, Expr::value(state))
}

#[tokio::test]
async fn before_save_sees_the_new_values_and_the_database_still_the_old_ones() {
    let test = with_tasks(&[("a", "open"), ("b", "open"), ("c", "other")]).await;
    let update = set_state("done").filter(task::Column::State.eq("open")).with_hooks();
    let (rows, hooks) = told(spawnable(update.exec_with_returning(test.db()))).await;
    let rows: Vec<_> = rows.unwrap().into_iter().map(|row| (row.title, row.revision)).collect();
    assert_eq!(rows, [("a".to_owned(), 2), ("b".to_owned(), 2)]);
    let expected = [
        "before_save(a, set done, false)",
        "was a, open",
        "before_save(b, set done, false)",
        "was b, open",
        "after_save(a, done, 2, false)",
        "after_save(b, done, 2, false)",
    ];
    assert_eq!(hooks, expected);
    let expected = ["audit.created saved a", "audit.created saved b", "task.changed a", "task.changed b"];
    assert_eq!(events(&test).await, expected);
    let changed = &test.written().await[2].body;
    assert_eq!(changed["data"], json!({ "title": "a", "state": "done", "revision": 2 }));
    assert_eq!(changed["previous"], json!({ "state": "open", "revision": 1 }));
    let done = |title: &str| (title.to_owned(), "done".to_owned(), 2);
    assert_eq!(tasks(&test).await, [done("a"), done("b"), ("c".into(), "other".into(), 1)]);
}

/// The data of all events, sorted.
async fn bodies(test: &TestApp) -> Vec<String> {
    let mut bodies: Vec<_> = test.written().await.iter().map(|event| event.body["data"].to_string()).collect();
    bodies.sort();
    bodies
}

#[tokio::test]
async fn a_row_ends_as_a_save_of_it_would_have_left_it() {
    use sea_orm::IntoActiveModel;
    let before = [("a", "open"), ("b", "done"), ("c", "locked"), ("d", "quiet")];
    let saved = with_tasks(&before).await;
    for row in task::Entity::find().order_by_asc(task::Column::Id).all(saved.db()).await.unwrap() {
        let mut row = row.into_active_model();
        row.title = Set(format!("{}!", row.title.as_ref()));
        row.state = Set("new".into());
        row.update(saved.db()).await.unwrap();
    }
    let test = with_tasks(&before).await;
    let longer = match test.db().get_database_backend() {
        sea_orm::DbBackend::MySql => Expr::cust("CONCAT(title, '!')"),
        _ => Expr::cust("title || '!'"),
    };
    let update = set_state("new").col_expr(task::Column::Title, longer).with_hooks();
    assert_eq!(spawnable(update.exec(test.db())).await.unwrap().rows_affected, 4);
    assert_eq!(tasks(&test).await, tasks(&saved).await);
    let expected = [("a!", "new", 2), ("b", "new", 2), ("c!", "locked", 2), ("d!", "new", 1)];
    assert_eq!(tasks(&test).await, expected.map(|(title, state, revision)| (title.into(), state.into(), revision)));
    // The bodies of the events are the same, too; only their order differs.
    assert_eq!(bodies(&test).await, bodies(&saved).await);
}

#[tokio::test]
async fn a_hook_sees_the_key_that_a_statement_sets() {
    let test = with_tasks(&[("a", "quiet"), ("b", "open")]).await;
    let next = Expr::col(task::Column::Id).add(10);
    let update = task::Entity::update_many().col_expr(task::Column::Id, next).with_hooks();
    let (rows, hooks) = told(update.exec_with_returning(test.db())).await;
    assert_eq!(rows.unwrap().iter().map(|row| row.id).collect::<Vec<_>>(), [11, 12]);
    // The hook finds no row with the new key.
    assert_eq!(hooks[..2], ["before_save(a, quiet, false)", "before_save(b, open, false)"]);
    assert_eq!(events(&test).await.len(), 4);
}

#[tokio::test]
async fn each_row_of_several_batches_has_its_hooks_once() {
    let test = with_tasks(&[]).await;
    // Three batches.
    let rows = (1..=2001).map(|n| task::row(&n.to_string()));
    thorn::without_events(async { task::Entity::insert_many(rows).exec(test.db()).await.unwrap() }).await;
    let (updated, hooks) = told(set_state("plain").with_hooks().exec(test.db())).await;
    assert_eq!(updated.unwrap().rows_affected, 2001);
    for hook in ["before_save", "after_save"] {
        assert_eq!(hooks.iter().filter(|line| line.starts_with(hook)).count(), 2001);
    }
    assert_eq!(test.number("SELECT COUNT(*) FROM thorn_event WHERE name = 'task.changed'").await, 2001);
}

#[tokio::test]
async fn a_watched_table_has_no_unannounced_change() {
    use thorn::watch::{Watch, install, unannounced};
    let test = with_tasks(&[("a", "open"), ("b", "quiet")]).await;
    install(test.db(), Watch::collect().model::<task::Entity>()).await.unwrap();
    task::Entity::insert_many([task::row("c")]).with_hooks().exec(test.db()).await.unwrap();
    // The hook has one of the rows updated twice.
    set_state("done").with_hooks().exec(test.db()).await.unwrap();
    task::Entity::delete_many().with_hooks().exec(test.db()).await.unwrap();
    let unseen = unannounced(test.db()).await.unwrap();
    assert!(unseen.is_empty(), "{unseen:?}");
    test.execute("INSERT INTO task (title, state, revision) VALUES ('d', 'open', 1)").await;
    assert_eq!(unannounced(test.db()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_model_without_events_for_the_change_runs_its_hooks() {
    let test = TestApp::new().await.table(half::Entity).await;
    half::Entity::insert(half::ActiveModel { id: Set(1), name: Set("a".into()) }).exec(test.db()).await.unwrap();
    let update = half::Entity::update_many().col_expr(half::Column::Name, Expr::value("b")).with_hooks();
    let (updated, hooks) = told(update.exec(test.db())).await;
    assert_eq!((updated.unwrap().rows_affected, hooks), (1, vec!["before_save(b)".to_owned()]));
    let (deleted, hooks) = told(half::Entity::delete_many().with_hooks().exec(test.db())).await;
    assert_eq!((deleted.unwrap().rows_affected, hooks), (1, vec!["before_delete(b)".to_owned()]));
    assert_eq!(test.names().await, ["half.created"]);
}

#[tokio::test]
async fn an_update_that_sets_nothing_or_matches_nothing_runs_no_hook() {
    let test = with_tasks(&[("a", "open")]).await;
    let (updated, hooks) = told(task::Entity::update_many().with_hooks().exec(test.db())).await;
    assert_eq!((updated.unwrap().rows_affected, hooks.len()), (0, 0));
    let none = set_state("done").filter(task::Column::Title.eq("z")).with_hooks();
    let (updated, hooks) = told(none.exec_with_returning(test.db())).await;
    assert_eq!((updated.unwrap().len(), hooks.len()), (0, 0));
    assert!(events(&test).await.is_empty());
}

#[tokio::test]
async fn an_update_that_was_changed_through_query_is_refused() {
    let test = with_tasks(&[("a", "open")]).await;
    let mut update = set_state("done");
    QueryTrait::query(&mut update).and_where(task::Column::Title.eq("a"));
    let Err(DbErr::Custom(refusal)) = update.with_hooks().exec(test.db()).await else { panic!("it isn't refused") };
    assert!(refusal.contains("`with_hooks()` on `task`") && refusal.contains("`filter`"), "{refusal}");
    assert_eq!(tasks(&test).await[0].1, "open");
}
