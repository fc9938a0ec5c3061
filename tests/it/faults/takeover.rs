//! Tasks in the hands of a worker that is gone go to another one.

use std::time::Duration;

use thorn_core::testing::Reply;

use super::backlog::{delivered, working};
use crate::{
    app::{PATIENCE, TestApp},
    process::{self, WorkerProcess},
};

#[tokio::test(flavor = "multi_thread")]
async fn hanging_requests_of_a_killed_worker_are_taken_over() {
    const EVENTS: usize = 10;
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(200).delay(Duration::from_secs(3600)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let start = || WorkerProcess::spawn(process::command(&app.url).env("THORN_EVENT_TIMEOUT", "60"));
    let mut first = start();
    app.send_many(EVENTS).await;
    receiver.wait_for(EVENTS, PATIENCE).await.unwrap();
    let second = start();
    working(&app, &second).await;
    receiver.reply(Reply::status(204));

    first.kill();
    // This waits for less time than the requests may take, so a retry after their timeout can't be what delivers.
    delivered(&app, &subscription, EVENTS).await;
    app.settled().await;
    assert!(receiver.arrivals().values().all(|times| *times == 2), "once each from the killed worker and the other");
}
