//! `testing::assert_announced`: an application's test fails on a write past the hooks.

use sea_orm::ConnectionTrait;
use thorn::watch::Watch;
use thorn_core::testing::assert_announced;

use super::{
    blog,
    entities::{
        comment,
        post::{self, draft, raw},
    },
};

fn models() -> Watch {
    Watch::report().model::<post::Entity>().model::<comment::Entity>()
}

#[tokio::test]
async fn a_test_whose_writes_are_all_announced_passes_and_leaves_no_triggers() {
    let app = blog().await;
    let saved = assert_announced(app.db(), models(), draft("a").insert(app.db())).await.unwrap();
    assert_eq!(saved.title, "a");
    app.execute(&raw("b")).await;
    assert_eq!(app.count("thorn_row_change").await, 0);
}

#[tokio::test]
async fn a_test_fails_on_a_write_past_the_hooks_and_names_table_key_and_operation() {
    let app = blog().await;
    let db = app.db().clone();
    let failing = tokio::spawn(async move {
        let work = async {
            let post = draft("a").insert(&db).await.unwrap();
            db.execute_unprepared("UPDATE watched_post SET title = 'b'").await.unwrap();
            db.execute_unprepared(&format!("DELETE FROM watched_post WHERE id = {}", post.id)).await.unwrap();
        };
        assert_announced(&db, models(), work).await;
    });
    let panic = failing.await.unwrap_err().into_panic();
    let message = panic.downcast::<String>().unwrap();
    assert_eq!(
        *message,
        "2 changes went past thorn's hooks, so no event announced them:\n  \
         table `watched_post`, key 1: change\n  table `watched_post`, key 1: delete"
    );
}
