//! Endpoints with more waiting than they take: nobody else notices.

mod drained;
mod hanging;
mod hidden;
mod large;
mod million;

use std::time::Duration;

use sea_orm::DbBackend;
use thorn::{event::Event, subscription::Subscription};

use crate::{
    app::{self, TestApp, literal},
    process::WorkerProcess,
};

/// That many deliveries of one stored event to the subscription, due a millisecond after each other
/// from `first` on. They share an event, so their ids aren't those that a worker would give them.
pub(crate) async fn add_waiting(app: &TestApp, to: &Subscription, rows: u32, first: i64) {
    let event = Event::new("stored").broadcast().send(app.db(), "stored").await.unwrap();
    let backend = app.db().get_database_backend();
    // Ids in order, so that it takes seconds.
    let prefix = &event.as_uuid().simple().to_string()[..16];
    let (event, to) = (literal(backend, event.as_uuid()), literal(backend, to.id.as_uuid()));
    let id = match backend {
        DbBackend::Postgres => format!("('{prefix}' || lpad(to_hex(n), 16, '0'))::uuid"),
        DbBackend::MySql => format!("UNHEX(CONCAT('{prefix}', LPAD(HEX(n), 16, '0')))"),
        _ => format!("CAST(substr('{prefix}', 9) || printf('%08x', n) AS BLOB)"),
    };
    app.execute(&format!("UPDATE thorn_event SET relayed_at = 1, fanout = 0 WHERE id = {event}")).await;
    let (cast, end) = if backend == DbBackend::Postgres { ("CAST(", " AS uuid)") } else { ("", "") };
    let digits = (0..10).map(|digit| format!("SELECT {digit} AS d")).collect::<Vec<_>>().join(" UNION ALL ");
    app.execute(&format!(
        "INSERT INTO thorn_delivery (id, event_id, subscription_id, state, attempts, next_attempt_at, created_at) \
         WITH digits AS ({digits}), numbers AS (\
           SELECT a.d * 100000 + b.d * 10000 + c.d * 1000 + d.d * 100 + e.d * 10 + f.d AS n FROM digits a, \
           digits b, digits c, digits d, digits e, digits f) \
         SELECT {id}, {cast}{event}{end}, {cast}{to}{end}, 'waiting', 1, {first} + n, 1 FROM numbers WHERE n < {rows}"
    ))
    .await;
}

/// A worker's memory in MiB: now, and at its peak. Zero where there is no `/proc`.
pub(crate) fn memory(worker: &WorkerProcess) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap_or_default();
    let mib = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |kib| kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024)
    };
    (mib("VmRSS:"), mib("VmHWM:"))
}

/// Deliveries to other endpoints take at most fifty times as long while one endpoint hangs as they took before.
/// A wait shorter than the poll interval counts as one poll interval.
pub(crate) fn assert_nobody_notices(before: Duration, during: Duration) {
    assert!(during < before.max(app::config().poll_interval) * 50, "{before:?} before, {during:?} during");
}

pub(crate) fn median(mut waits: Vec<Duration>) -> Duration {
    waits.sort();
    waits[waits.len() / 2]
}
