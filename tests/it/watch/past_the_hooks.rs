//! Which changes leave a note, and which don't.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, QueryFilter, Set, TransactionTrait,
    sea_query::Expr,
};
use thorn::{delete_many, insert_many, update_many, without_events};
use thorn_test_support::skipped;

use super::{
    entities::{
        comment,
        post::{self, draft, raw},
    },
    found, watched,
};

#[tokio::test]
async fn statements_past_the_hooks_are_noted_with_table_key_and_operation() {
    let app = watched().await;
    app.execute(&raw("a")).await;
    app.execute("UPDATE watched_post SET title = 'b' WHERE id = 1").await;
    app.execute("DELETE FROM watched_post WHERE id = 1").await;
    let changes = [
        "table `watched_post`, key 1: create",
        "table `watched_post`, key 1: change",
        "table `watched_post`, key 1: delete",
    ];
    assert_eq!(found(&app).await, changes);
    assert!(app.names().await.is_empty());
}

#[tokio::test]
async fn generic_code_that_runs_no_hooks_is_noted() {
    /// As in a repository that is generic over entities.
    async fn remove_all<E: EntityTrait>(db: &impl ConnectionTrait) {
        E::delete_many().exec(db).await.unwrap();
    }
    let app = watched().await;
    draft("a").insert(app.db()).await.unwrap();
    remove_all::<post::Entity>(app.db()).await;
    assert_eq!(found(&app).await, ["table `watched_post`, key 1: delete"]);
}

#[tokio::test]
async fn a_change_that_was_rolled_back_leaves_nothing() {
    let app = watched().await;
    let txn = app.db().begin().await.unwrap();
    txn.execute_unprepared(&raw("a")).await.unwrap();
    txn.rollback().await.unwrap();
    assert!(found(&app).await.is_empty());
    let txn = app.db().begin().await.unwrap();
    txn.execute_unprepared(&raw("kept")).await.unwrap();
    let savepoint = txn.begin().await.unwrap();
    savepoint.execute_unprepared(&raw("undone")).await.unwrap();
    savepoint.rollback().await.unwrap();
    txn.commit().await.unwrap();
    assert_eq!(found(&app).await.len(), 1);
}

#[tokio::test]
async fn every_way_through_the_hooks_leaves_nothing() {
    let app = watched().await;
    let db = app.db();
    let saved = draft("a").insert(db).await.unwrap();
    let changed = post::ActiveModel { title: Set("b".into()), ..saved.clone().into_active_model() };
    changed.update(db).await.unwrap();
    saved.into_active_model().delete(db).await.unwrap();
    let rows = insert_many([draft("c"), draft("d"), draft("e")], db).await.unwrap();
    let published = Expr::value(true);
    update_many::<post::Entity, _>(
        post::Column::Id.gt(0),
        |update| update.col_expr(post::Column::Published, published),
        db,
    )
    .await
    .unwrap();
    rows[0].clone().delete(db).await.unwrap();
    delete_many::<post::Entity, _>(post::Column::Id.gt(0), db).await.unwrap();
    // In the caller's own transaction, and in a savepoint.
    let txn = db.begin().await.unwrap();
    let savepoint = txn.begin().await.unwrap();
    let saved = draft("f").insert(&savepoint).await.unwrap();
    savepoint.commit().await.unwrap();
    saved.delete(&txn).await.unwrap();
    txn.commit().await.unwrap();
    assert!(found(&app).await.is_empty());
    assert_eq!(app.names().await.iter().filter(|name| *name == "post.removed").count(), 5);
}

#[tokio::test]
async fn a_change_that_the_hooks_saw_and_announced_nothing_for_leaves_nothing() {
    let app = watched().await;
    let post = draft("a").insert(app.db()).await.unwrap();
    app.forget().await;
    // Nothing is declared for a creation, and the filter doesn't hold for the change.
    let comment = comment::of(post.id, 1).into_active_model().insert(app.db()).await.unwrap();
    comment::ActiveModel { likes: Set(1), ..comment.clone().into_active_model() }.update(app.db()).await.unwrap();
    without_events(async {
        let comment = comment::ActiveModel { text: Set("b".into()), ..comment.clone().into_active_model() };
        comment.update(app.db()).await.unwrap();
        comment::Entity::find_by_id(1).one(app.db()).await.unwrap().unwrap().delete(app.db()).await.unwrap();
    })
    .await;
    assert!(app.names().await.is_empty());
    assert!(found(&app).await.is_empty());
}

#[tokio::test]
async fn an_operation_that_the_model_never_announces_isn_t_watched() {
    let app = watched().await;
    let post = draft("a").insert(app.db()).await.unwrap();
    app.execute(&format!("INSERT INTO watched_comment VALUES (1, {}, 'a', 0)", post.id)).await;
    assert!(found(&app).await.is_empty());
    app.execute("UPDATE watched_comment SET likes = 1").await;
    assert_eq!(found(&app).await, ["table `watched_comment`, key 1: change"]);
}

#[tokio::test]
async fn a_statement_beside_a_hook_on_the_same_row_in_one_transaction_is_noted() {
    let app = watched().await;
    let saved = draft("a").insert(app.db()).await.unwrap();
    for raw_first in [true, false] {
        let txn = app.db().begin().await.unwrap();
        let by_hand = "UPDATE watched_post SET author = NULL WHERE id = 1";
        if raw_first {
            txn.execute_unprepared(by_hand).await.unwrap();
        }
        let renamed = post::ActiveModel { title: Set(format!("{raw_first}")), ..saved.clone().into_active_model() };
        renamed.update(&txn).await.unwrap();
        if !raw_first {
            txn.execute_unprepared(by_hand).await.unwrap();
        }
        txn.commit().await.unwrap();
        assert_eq!(found(&app).await, ["table `watched_post`, key 1: change"], "{raw_first}");
        app.execute("DELETE FROM thorn_row_change").await;
    }
}

#[tokio::test]
async fn a_hook_on_one_row_hides_no_statement_on_another() {
    let app = watched().await;
    let saved = draft("a").insert(app.db()).await.unwrap();
    draft("b").insert(app.db()).await.unwrap();
    let txn = app.db().begin().await.unwrap();
    txn.execute_unprepared("UPDATE watched_post SET author = NULL").await.unwrap();
    post::ActiveModel { title: Set("c".into()), ..saved.into_active_model() }.update(&txn).await.unwrap();
    txn.commit().await.unwrap();
    let mut left = found(&app).await;
    left.sort();
    assert_eq!(left, ["table `watched_post`, key 1: change", "table `watched_post`, key 2: change"]);
}

#[tokio::test]
async fn rows_that_the_database_deletes_in_a_cascade_are_noted_but_not_on_mysql() {
    let app = watched().await;
    let post = draft("a").insert(app.db()).await.unwrap();
    comment::of(post.id, 7).into_active_model().insert(app.db()).await.unwrap();
    comment::of(post.id, 8).into_active_model().insert(app.db()).await.unwrap();
    post.delete(app.db()).await.unwrap();
    assert_eq!(app.count("watched_comment").await, 0);
    let mut left = found(&app).await;
    left.sort();
    let noted = ["table `watched_comment`, key 7: delete", "table `watched_comment`, key 8: delete"];
    match app.db().get_database_backend() {
        // A cascade there fires no triggers: docs/watching.md says so.
        DbBackend::MySql => assert!(left.is_empty(), "{left:?}"),
        _ => assert_eq!(left, noted),
    }
}

#[tokio::test]
async fn a_truncation_is_noted() {
    let app = watched().await;
    if app.db().get_database_backend() != DbBackend::Postgres {
        return skipped("only PostgreSQL has a trigger for TRUNCATE; MySQL has none, and SQLite has no TRUNCATE");
    }
    draft("a").insert(app.db()).await.unwrap();
    app.execute("TRUNCATE watched_post CASCADE").await;
    assert_eq!(found(&app).await, ["table `watched_post`: truncate", "table `watched_comment`: truncate"]);
}

/// A repeated INSERT that becomes an UPDATE is noted as what it did.
#[tokio::test]
async fn an_upsert_past_the_hooks_is_noted_as_what_it_did() {
    let app = watched().await;
    draft("a").insert(app.db()).await.unwrap();
    let conflict = match app.db().get_database_backend() {
        DbBackend::MySql => "ON DUPLICATE KEY UPDATE title = 'b'",
        _ => "ON CONFLICT (id) DO UPDATE SET title = 'b'",
    };
    app.execute(&format!("INSERT INTO watched_post VALUES (1, 'c', FALSE, NULL) {conflict}")).await;
    assert_eq!(found(&app).await, ["table `watched_post`, key 1: change"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_at_once_hide_and_invent_nothing() {
    const EACH: usize = 12;
    let app = watched().await;
    let tasks = (0..6).map(|n| {
        let db = app.db().clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                if n % 2 == 0 {
                    let saved = draft("hooked").insert(&db).await.unwrap();
                    post::ActiveModel { published: Set(true), ..saved.into_active_model() }.update(&db).await.unwrap();
                } else {
                    db.execute_unprepared(&raw("raw")).await.unwrap();
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let left = found(&app).await;
    assert_eq!(left.len(), 3 * EACH);
    assert!(left.iter().all(|change| change.ends_with("create")), "{left:?}");
    let raw = post::Entity::find().filter(post::Column::Title.eq("raw")).all(app.db()).await.unwrap();
    assert!(raw.iter().all(|row| left.contains(&format!("table `watched_post`, key {}: create", row.id))));
}
