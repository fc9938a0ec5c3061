//! Events that are held for inline delivery which never comes.

use sea_orm::DbBackend;
use thorn::{Config, Dispatch, Error, outbox::buffer_events, subscription::NewSubscription};
use thorn_test_support::{is_mysql, skipped};

use super::{articles, event, stored, unrelayed};
use crate::{
    app::{self, PATIENCE},
    model::entities::article::draft,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_after_the_commit_leaves_its_events_to_a_worker() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    // The process dies between the commit and the delivery.
    let dying = app.thorn.inline(async {
        draft("a").insert(app.db()).await.unwrap();
        draft("b").insert(app.db()).await.unwrap();
        std::future::pending::<()>().await;
    });
    tokio::select! {
        _ = dying => panic!("it never ends"),
        () = app::eventually("two events", || async {
            let stored = stored(&app).await;
            if stored.len() == 2 { Ok(()) } else { Err(format!("{stored:?}")) }
        }) => {}
    }
    let status = app.thorn.status().await.unwrap();
    assert_eq!((status.unrelayed, status.unsettled), (0, 2), "held");
    let worker = app.worker().await;
    event("a.later").send(app.db(), &()).await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    assert_eq!(receiver.received()[0].header("hook-event"), "a.later", "what is held isn't relayed");

    app.execute("UPDATE thorn_event SET audit_at = 1 WHERE fanout IS NULL").await;
    receiver.wait_for(3, PATIENCE).await.unwrap();
    app.settled().await;
    assert_eq!(receiver.received().len(), 3);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_process_cannot_sign_goes_by_the_queue_at_once() {
    let app = articles().await;
    let receiver = app.receiver().await;
    let key = |byte: &str| Some(format!("{}=", byte.repeat(43)).parse().unwrap());
    let sealed = app.sibling(Config { secret_key: key("A"), ..app::config() }).await;
    let wrong = app.sibling(Config { secret_key: key("E"), ..app::config() }).await;
    let new = NewSubscription::new("a.b", receiver.url("/"));
    sealed.subscriptions().create(new).await.unwrap();
    let sent = wrong.send_now(event("a.b"), &()).await.unwrap();
    assert_eq!((sent.deliveries.len(), unrelayed(&app).await), (0, 1));
    let worker = sealed.start_worker().await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn if_a_worker_has_one_of_them_the_others_go_by_the_queue_at_once() {
    if is_mysql() {
        return skipped("a trigger of MySQL's can't make an UPDATE leave a row alone");
    }
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    // As if somebody else were at it between the look and the claim.
    let taken = "NEW.name = 'taken' AND NEW.relayed_at IS NOT NULL";
    let trigger = "CREATE TRIGGER taken BEFORE UPDATE OF fanout ON thorn_event";
    let (create, drop) = match app.db().get_database_backend() {
        DbBackend::Postgres => (
            format!(
                "CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 RETURN CASE WHEN {taken} THEN NULL ELSE NEW END; END $$; \
                 {trigger} FOR EACH ROW EXECUTE FUNCTION taken()"
            ),
            "DROP TRIGGER taken ON thorn_event",
        ),
        _ => (format!("{trigger} WHEN {taken} BEGIN SELECT RAISE(IGNORE); END"), "DROP TRIGGER taken"),
    };
    app.execute(&create).await;
    let (_, deliveries) = app
        .thorn
        .inline(async {
            event("taken").send(app.db(), &()).await.unwrap();
            event("other").send(app.db(), &()).await.unwrap();
        })
        .await;
    assert_eq!((deliveries.len(), unrelayed(&app).await), (0, 2));
    app.execute(drop).await;
    let worker = app.worker().await;
    receiver.wait_for(2, PATIENCE).await.unwrap();
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_133_a_buffer_works_with_every_dispatch() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    // More than one INSERT holds, too.
    for count in [3, 600] {
        let held_back = buffer_events(app.db(), async |buffer| {
            for dispatch in [Dispatch::Queue, Dispatch::Inline, Dispatch::Disabled] {
                for _ in 0..count {
                    event(&format!("a.{dispatch}")).dispatch(dispatch.clone()).send(app.db(), &()).await?;
                }
            }
            Ok::<_, Error>((buffer.pending(), receiver.received().len()))
        });
        assert_eq!(held_back.await.unwrap(), (count * 2, 0));
        let received = receiver.received();
        assert_eq!(received.len(), count, "they are sent with the flush");
        assert!(received.iter().all(|request| request.header("hook-event") == "a.inline"));
        assert_eq!(unrelayed(&app).await, count as u64);
        app.execute("DELETE FROM thorn_event").await;
        receiver.forget();
    }
}
