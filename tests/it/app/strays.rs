//! A test fails that leaves a delivery it hasn't asked for, and no other.

use std::panic::{AssertUnwindSafe, catch_unwind};

use thorn::{Event, attempt::RetryPolicy, subscription::Subscription};
use thorn_core::testing::Reply;

use super::{PATIENCE, Receiver, TestApp, is_dead};

/// An application that has delivered two events to a receiver, and whose worker has stopped.
async fn delivered() -> (TestApp, Receiver, Subscription) {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    app.send_many(2).await;
    app.settled().await;
    worker.stop().await.unwrap();
    (app, receiver, subscription)
}

/// Drops the application as a test does at its end, and returns the complaint.
fn complaint<T>(app: TestApp, others: T) -> String {
    drop(others);
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(app)));
    dropped.map_or_else(|said| said.downcast_ref::<String>().unwrap().clone(), |()| String::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_asked_for_fails_the_test() {
    let (app, receiver, _) = delivered().await;
    let told = complaint(app, receiver);
    assert!(told.starts_with("2 left") && told.contains("a.b {"), "{told}");

    let (app, receiver, _) = delivered().await;
    receiver.wait_for(1, PATIENCE).await.unwrap();
    let told = complaint(app, receiver);
    assert!(told.starts_with("1 left"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_waited_for_read_counted_or_declared_fails_none() {
    let (app, receiver, _) = delivered().await;
    receiver.wait_for(2, PATIENCE).await.unwrap();
    assert_eq!(complaint(app, receiver), "");

    let (app, receiver, _) = delivered().await;
    assert_eq!(receiver.received().len(), 2);
    assert_eq!(complaint(app, receiver), "");

    let (app, receiver, subscription) = delivered().await;
    app.deliveries(&subscription, |rows| rows.len() == 2).await;
    assert_eq!(complaint(app, receiver), "");

    let (app, receiver, _) = delivered().await;
    app.ignore_the_rest();
    assert_eq!(complaint(app, receiver), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_reached_no_receiver_fails_the_test_unless_it_was_awaited() {
    for awaited in [false, true] {
        let app = TestApp::new().await;
        let to_nobody = app.subscribe("a.b", "http://127.0.0.1:1/").await;
        let worker = app.worker().await;
        Event::new("a.b").broadcast().retry(RetryPolicy::never()).send(app.db(), &1).await.unwrap();
        app.settled().await;
        worker.stop().await.unwrap();
        if awaited {
            app.deliveries(&to_nobody, is_dead).await;
            assert_eq!(complaint(app, ()), "");
        } else {
            let told = complaint(app, ());
            assert!(told.starts_with("1 left") && told.contains(", dead"), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_came_twice_fails_the_test_that_waited_for_it_once() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(503));
    app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app.settled().await;
    worker.stop().await.unwrap();
    let told = complaint(app, receiver);
    assert!(told.starts_with("3 left"), "{told}");
}
