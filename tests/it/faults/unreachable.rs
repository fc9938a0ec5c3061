//! A server that can't be reached for half a minute: it refuses connections, or says nothing at all.

use std::time::Duration;

use thorn_test_support::Place;

use super::{
    ground::Ground,
    proxy::Proxy,
    run::{IN_HAND, Moment, Run},
};
use crate::{
    app::{self, TestApp},
    faults::on,
    process::TAKEOVER,
};

on! {
    postgres: the_database_refuses, the_database_is_silent, the_server_soon_ends_a_connection_nobody_is_at;
    redis: the_queue_is_silent;
}

/// Seconds that a worker waits for an answer.
const SILENCE: u64 = 30;

const OUTAGE: Duration = Duration::from_secs(30);

async fn the_database_refuses(mut ground: Ground) {
    let (proxy, url) = Proxy::to(&ground.direct).await;
    ground.url = url;
    let mut run = Run::start("database refuses for 30 s", ground, 2).await;
    proxy.cut().await;
    tokio::time::sleep(OUTAGE).await;
    proxy.open().await;
    run.finish(Moment::now(), 1, 2 * IN_HAND).await;
}

async fn the_database_is_silent(mut ground: Ground) {
    let (proxy, url) = Proxy::to(&ground.direct).await;
    ground.url = url;
    let mut run = Run::start("database silent for 30 s", ground, 2).await;
    proxy.fall_silent();
    tokio::time::sleep(OUTAGE).await;
    proxy.open().await;
    let ended = Moment::now();
    // It is the workers that must come back by themselves: an application waits as long as it likes.
    run.application.as_mut().unwrap().kill();
    run.save();
    // Each takeover repeats requests whose record waits on a silent connection.
    let rounds = usize::try_from(SILENCE / TAKEOVER).unwrap();
    run.finish(ended, 1, rounds * 2 * IN_HAND).await;
}

async fn the_queue_is_silent(mut ground: Ground) {
    let (proxy, url) = Proxy::to(ground.queue.as_ref().unwrap()).await;
    ground.queue = Some(url);
    let mut run = Run::start("queue silent for 30 s", ground, 2).await;
    proxy.fall_silent();
    tokio::time::sleep(OUTAGE).await;
    proxy.open().await;
    run.finish(Moment::now(), 1, 2 * IN_HAND).await;
}

/// The other way round: a machine that is gone must not keep its locks on events for two hours.
async fn the_server_soon_ends_a_connection_nobody_is_at(ground: Ground) {
    let app = TestApp::on(Place::given(ground.url), app::config()).await;
    for (setting, value) in
        [("tcp_keepalives_idle", "60"), ("tcp_keepalives_count", "3"), ("tcp_user_timeout", "120000")]
    {
        let shown = app.text(&format!("SELECT current_setting('{setting}') AS text")).await;
        assert_eq!(shown, [value], "{setting}");
    }
}
