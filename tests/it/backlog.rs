//! Endpoints with more waiting than they take: nobody else notices.

mod drained;
mod hanging;
mod hidden;
mod large;
#[cfg(target_os = "linux")]
mod million;

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend, prelude::Uuid};
use thorn::{Config, event::Event, subscription::Subscription};

use crate::app::{self, App};

/// Settings with a queue wherever the test's database is.
pub(crate) fn config() -> Config {
    let on_mysql = std::env::var("THORN_TEST_DATABASE").is_ok_and(|database| database == "mysql");
    Config { queue_url: on_mysql.then(|| "memory:".parse().unwrap()), ..app::config() }
}

/// That many deliveries of one stored event to the subscription, due a millisecond after each other
/// from `first` on. They share an event, so their ids aren't those that a worker would give them.
pub(crate) async fn add_waiting(app: &App, to: &Subscription, rows: u32, first: i64) {
    let event = Event::new("stored").broadcast().send(app.db(), "stored").await.unwrap();
    let backend = app.db().get_database_backend();
    let uuid = |id: Uuid| match backend {
        DbBackend::Postgres => format!("'{id}'::uuid"),
        _ => format!("x'{}'", id.simple()),
    };
    // In order, so that it takes seconds.
    let (prefix, event, to) = (event.to_string().replace('-', ""), uuid(event.as_uuid()), uuid(to.id.as_uuid()));
    let prefix = &prefix[..16];
    let id = match backend {
        DbBackend::Postgres => format!("('{prefix}' || lpad(to_hex(n), 16, '0'))::uuid"),
        DbBackend::MySql => format!("UNHEX(CONCAT('{prefix}', LPAD(HEX(n), 16, '0')))"),
        _ => format!("CAST(substr('{prefix}', 9) || printf('%08x', n) AS BLOB)"),
    };
    app.execute(&format!("UPDATE thorn_event SET relayed_at = 1, fanout = 0 WHERE id = {event}")).await;
    let digits = (0..10).map(|digit| format!("SELECT {digit} AS d")).collect::<Vec<_>>().join(" UNION ALL ");
    app.execute(&format!(
        "INSERT INTO thorn_delivery (id, event_id, subscription_id, state, attempts, next_attempt_at, created_at) \
         WITH digits AS ({digits}), numbers AS (\
           SELECT a.d * 100000 + b.d * 10000 + c.d * 1000 + d.d * 100 + e.d * 10 + f.d AS n FROM digits a, \
           digits b, digits c, digits d, digits e, digits f) \
         SELECT {id}, {event}, {to}, 'waiting', 1, {first} + n, 1 FROM numbers WHERE n < {rows}"
    ))
    .await;
}

/// The peak of a process's memory so far, in MiB.
pub(crate) fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

pub(crate) fn median(mut waits: Vec<Duration>) -> Duration {
    waits.sort();
    waits[waits.len() / 2]
}
