//! Servers that restart or crash under load.

use std::time::Duration;

use super::{
    ground::Ground,
    run::{IN_HAND, Moment, Run},
};
use crate::faults::on;

on! {
    own_postgres: the_database_restarts_and_crashes;
    redis: the_queue_is_restarted_empty;
}

/// For how long it is away.
const AWAY: Duration = Duration::from_secs(1);

const TIMES: usize = 4;

async fn the_database_restarts_and_crashes(ground: Ground) {
    let mut run = Run::start("PostgreSQL restarts (fast, immediate)", ground, 2).await;
    for n in 0..TIMES {
        run.more(100).await;
        let server = run.ground.server.as_mut().unwrap();
        server.stop(if n % 2 == 0 { "INT" } else { "QUIT" }).await;
        tokio::time::sleep(AWAY).await;
        server.start().await;
    }
    run.finish(Moment::now(), TIMES, TIMES * 2 * IN_HAND).await;
}

/// Redis keeps nothing here: each restart loses every task and every registration of a worker.
async fn the_queue_is_restarted_empty(ground: Ground) {
    let mut run = Run::start("Redis restarts empty", ground, 2).await;
    for _ in 0..TIMES {
        run.more(100).await;
        let server = run.ground.server.as_mut().unwrap();
        server.stop("KILL").await;
        tokio::time::sleep(AWAY).await;
        server.start().await;
    }
    run.finish(Moment::now(), TIMES, TIMES * 2 * IN_HAND).await;
}
