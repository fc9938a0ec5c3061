//! A worker that is told to stop.

use std::time::{Duration, Instant};

use thorn::{Config, event::Event};
use thorn_core::testing::{Receiver, Reply};

use crate::app::{self, App, PATIENCE};

/// While requests are under way apalis polls none of its own transactions; one that is open then must
/// not keep the requests' results from being written.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_way_holds_no_lock_that_others_wait_for() {
    let app = App::with(Config { poll_interval: Duration::from_millis(1), ..app::config() }).await;
    let receiver = Receiver::start().await.unwrap();
    receiver.reply(Reply::status(204).delay(Duration::from_millis(20)));
    app.subscribe("a.b", &receiver.url("/")).await;
    for n in 1..=20 {
        let worker = app.worker().await;
        Event::new("a.b").broadcast().send(app.db(), &n).await.unwrap();
        receiver.wait_for(n, PATIENCE).await.unwrap();
        let stopping = Instant::now();
        worker.stop().await.unwrap();
        assert!(stopping.elapsed() < Duration::from_secs(5), "stop {n} took {:?}", stopping.elapsed());
    }
    assert_eq!(receiver.received().len(), 20);
}
