//! Tasks that nobody can run stop nobody else's.

use super::{
    ground::Ground,
    run::{Moment, Run},
};
use crate::faults::on;

on! {
    full_sqlite: poisoned_tasks_stop_nothing;
    postgres: poisoned_tasks_stop_nothing;
    redis: poisoned_tasks_stop_nothing;
}

/// No JSON, JSON that is no chunk, of a version to come, half a chunk, and a large one.
fn poison() -> Vec<String> {
    let large = format!("{{\"v\":1,\"events\":[],\"deliveries\":[],\"more\":\"{}\"}}", "x".repeat(4_000_000));
    let mut poison: Vec<_> =
        ["not JSON", "", "{}", "null", "[1,2]", "{\"v\":9,\"packed\":\"new\"}", "{\"v\":1,\"events\":["]
            .map(str::to_owned)
            .into();
    poison.push(large);
    poison
}

/// Puts a task on the queue as it is.
async fn put(run: &Run, id: &str, text: &str) {
    if let Some(redis) = run.ground.server.as_ref().filter(|_| run.ground.queue.is_some()) {
        redis.say(&["HSET", &format!("thorn:meta:{id}"), "attempts", "0", "max_attempts", "9", "status", "Pending"]);
        redis.say(&["HSET", "thorn:data", id, text]);
        redis.say(&["RPUSH", "thorn:active", id]);
        return;
    }
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let (jobs, bytes) = if run.ground.url.starts_with("postgres") {
        ("apalis.jobs", format!("'\\x{hex}'"))
    } else {
        ("Jobs", format!("x'{hex}'"))
    };
    run.app.execute(&format!("INSERT INTO {jobs} (id, job_type, job) VALUES ('{id}', 'thorn', {bytes})")).await;
}

async fn poisoned_tasks_stop_nothing(ground: Ground) {
    let mut run = Run::start("poisoned tasks", ground, 2).await;
    let mut hits = 0;
    for (n, text) in poison().into_iter().enumerate() {
        // A ULID, and what is none.
        for id in [format!("01ARZ3NDEKTSV4RRFFQ69G5F{n:02}"), format!("poison {n}")] {
            put(&run, &id, &text).await;
            hits += 1;
        }
        run.more(20).await;
    }
    // A worker that a poisoned task ends loses its acknowledgements, but no record of what it sent.
    run.finish(Moment::now(), hits, 0).await;
}
