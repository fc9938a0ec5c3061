//! `kill -9` at random moments: of workers, of applications, and of processes that are both.

use std::time::Duration;

use thorn_core::testing::Reply;

use super::{
    ground::Ground,
    random::Random,
    run::{IN_HAND, Moment, Run},
};
use crate::faults::on;

on! {
    sqlite: workers_are_killed;
    full_sqlite: applications_are_killed, all_in_one_is_killed;
    postgres: workers_are_killed, applications_are_killed, all_in_one_is_killed;
    redis: workers_are_killed;
}

const KILLS: usize = 6;

/// Work between two kills, in arrivals rather than in time: so they are never idle.
const STRETCH: u64 = 150;

/// How long a receiver takes to answer, so that there is always a request under way.
const SLOW: Duration = Duration::from_millis(60);

/// And then a moment within the work on a transaction.
async fn a_moment(random: &mut Random, run: &Run) {
    run.more(20 + usize::try_from(random.below(STRETCH)).unwrap()).await;
    tokio::time::sleep(Duration::from_micros(random.below(30_000))).await;
}

async fn workers_are_killed(ground: Ground) {
    let mut random = Random::new();
    let mut run = Run::start("kill -9 of a worker, another goes on", ground, 2).await;
    run.receiver.reply(Reply::status(204).delay(SLOW));
    for n in 0..KILLS {
        a_moment(&mut random, &run).await;
        run.workers[n % 2].kill();
        run.workers[n % 2] = run.worker();
    }
    let line = run.finish(Moment::now(), KILLS, KILLS * IN_HAND).await;
    assert!(line.duplicated > 0, "no kill hit a request under way, so this shows nothing: {line}");
}

async fn applications_are_killed(ground: Ground) {
    let mut random = Random::new();
    let mut run = Run::start("kill -9 of the application", ground, 1).await;
    for _ in 0..KILLS {
        a_moment(&mut random, &run).await;
        run.application.as_mut().unwrap().kill();
        run.save();
    }
    run.finish(Moment::now(), KILLS, 0).await;
}

/// An application with its worker inside, and nobody else to go on.
async fn all_in_one_is_killed(ground: Ground) {
    let mut random = Random::new();
    let mut run = Run::prepare("kill -9 of an application with the worker inside", ground).await;
    run.receiver.reply(Reply::status(204).delay(SLOW));
    run.application = Some(run.application_of(true));
    for _ in 0..KILLS {
        a_moment(&mut random, &run).await;
        run.application.as_mut().unwrap().kill();
        run.application = Some(run.application_of(true));
    }
    let ended = Moment::now();
    run.more(50).await;
    // It is killed once more at the end, and this one takes over what it leaves.
    run.workers.push(run.worker());
    let line = run.finish(ended, KILLS + 1, (KILLS + 1) * IN_HAND).await;
    assert!(line.duplicated > 0, "no kill hit a request under way, so this shows nothing: {line}");
}
