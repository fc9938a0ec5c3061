//! Inline delivery never happens inside a transaction, nor for what was rolled back.

use sea_orm::{DbErr, TransactionTrait};
use thorn::{Dispatch, Error, outbox::buffer_events};
use thorn_core::testing::Reply;

use super::{articles, event, stored, unrelayed};
use crate::{app::PATIENCE, model::entities::article::draft};

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_s_events_are_delivered_after_its_commit() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    let thorn = app.thorn.clone();
    let watched = &receiver;
    let (id, deliveries) = thorn
        .inline(thorn.transaction(async |txn| {
            let article = draft("a").insert(txn).await?;
            buffer_events(txn, async |_| event("a.buffered").send(txn, &()).await).await.map_err(DbErr::from)?;
            // On another connection and committed at once, but sent only when nothing is open.
            assert_eq!(watched.received().len(), 0);
            Ok::<_, DbErr>(article.id)
        }))
        .await;
    assert_eq!((id.unwrap(), deliveries.len(), receiver.received().len()), (1, 2, 2));

    let failed = thorn.transaction(async |txn| {
        event("a.rolled_back").dispatch(Dispatch::Inline).send(txn, &()).await?;
        Err::<(), _>(Error::NotFound { what: "test", id: "1".into() })
    });
    assert!(matches!(failed.await, Err(Error::NotFound { .. })));
    assert_eq!(stored(&app).await, ["article.created", "a.buffered"]);
    assert_eq!((receiver.received().len(), unrelayed(&app).await), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_can_be_a_task_s_and_needs_no_scope() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    let thorn = app.thorn.clone();
    let name = "a.b".to_owned();
    let sent = tokio::spawn(async move {
        thorn
            .transaction(async |txn| {
                let sent = event(&name).dispatch(Dispatch::Inline).send(txn, &()).await?;
                let savepoint = txn.begin().await?;
                event("a.discarded").dispatch(Dispatch::Inline).send(&savepoint, &()).await?;
                savepoint.rollback().await?;
                Ok::<_, Error>(sent)
            })
            .await
    });
    sent.await.unwrap().unwrap();
    let received = receiver.received();
    assert_eq!((received.len(), received[0].header("hook-event")), (1, "a.b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_transaction_is_open_during_the_request() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    receiver.reply(Reply::status(204).delay(std::time::Duration::from_secs(4)));
    let thorn = app.thorn.clone();
    let saving = tokio::spawn(async move { thorn.inline(draft("a").insert(thorn.db())).await.1 });
    receiver.wait_for(1, PATIENCE).await.unwrap();
    // SQLite has one writer: this would wait for an open transaction.
    app.execute("UPDATE article SET title = 'b'").await;
    assert!(!saving.is_finished());
    assert_eq!(saving.await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_transaction_of_the_caller_s_own_it_goes_by_the_queue() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    let txn = app.db().begin().await.unwrap();
    event("a.b").dispatch(Dispatch::Inline).send(&txn, &()).await.unwrap();
    txn.commit().await.unwrap();
    assert_eq!((receiver.received().len(), unrelayed(&app).await), (0, 1));
    let worker = app.worker().await;
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_sees_the_commits_of_transactions_inside() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    let ((), deliveries) = app
        .thorn
        .inline(async {
            let txn = app.db().begin().await.unwrap();
            draft("committed").insert(&txn).await.unwrap();
            txn.commit().await.unwrap();
            let txn = app.db().begin().await.unwrap();
            draft("rolled back").insert(&txn).await.unwrap();
            txn.rollback().await.unwrap();
            assert_eq!(receiver.received().len(), 0, "another transaction might be open");
        })
        .await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(receiver.received()[0].json()["data"]["title"], "committed");
    assert_eq!(stored(&app).await.len(), 1);
}
