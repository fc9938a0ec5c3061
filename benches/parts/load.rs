//! Measures the memory of a registry, and the time in which a worker reads it from the database and
//! refreshes it.

use std::{process::Command, time::Instant};

use anyhow::Context as _;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use thorn::{migration::migrate, subscription::__bench::Registry};

use crate::many::{self, Kind};

const MANY: usize = 1_000_000;

/// The arguments that weigh one kind. Each runs in a new process, because a process reuses freed memory.
pub(crate) const WEIGH: [(&str, Kind); 2] = [("weigh-patterns", Kind::Mixed), ("weigh-owners", Kind::Tenants)];

pub(crate) fn weigh(kind: Kind) -> anyhow::Result<()> {
    let (before, started) = (resident()?, Instant::now());
    let registry = many::registry(kind, MANY)?;
    let each = (resident()? - before) / registry.len() as f64;
    println!("{MANY} subscriptions {kind}: {each:.0} bytes each, compiled in {}", seconds(started));
    Ok(())
}

pub(crate) fn measure() -> anyhow::Result<()> {
    for (argument, _) in WEIGH {
        Command::new(std::env::current_exe()?).arg(argument).status()?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(from_database())
}

async fn from_database() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let db = thorn::connect(&format!("sqlite://{}/bench.db", folder.path().display())).await?;
    migrate(&db).await?;
    fill(&db).await?;
    let registry = Registry::new(None);
    for (what, change) in [
        ("read from a SQLite file", None),
        ("the first refresh when nothing has changed", None),
        ("a refresh when nothing has changed", None),
        ("a refresh when 10,000 have changed, all of one pattern", Some(())),
    ] {
        if change.is_some() {
            db.execute_unprepared(&format!(
                "UPDATE thorn_subscription SET version = {MANY} + 1 + version / 100 WHERE version % 100 = 1;
                 UPDATE thorn_registry SET version = {MANY} + {MANY} / 100"
            ))
            .await?;
        }
        let started = Instant::now();
        registry.refresh(&db).await?;
        println!("{} subscriptions: {what} in {}", registry.len(), seconds(started));
    }
    Ok(())
}

/// Writes the rows that [`Subscriptions::create`](thorn::subscription::Subscriptions::create) would write, in
/// two statements. Half of them match the same event. Each of the others has its own owner and pattern.
async fn fill(db: &DatabaseConnection) -> anyhow::Result<()> {
    db.execute_unprepared(&format!(
        "WITH RECURSIVE one(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one WHERE n < {MANY})
         INSERT INTO thorn_subscription (id, owner, pattern, url, secret, digest, content_type, identity,
             created_at, updated_at, created_version, version, hears_version)
         SELECT randomblob(16), CASE n % 2 WHEN 0 THEN 'owner-' || n END,
             CASE n % 2 WHEN 0 THEN 'shop' || n || '.order.*' ELSE 'release.published' END,
             'https://receiver-' || n || '.example.com/webhooks/thorn', 'whsec_' || hex(randomblob(28)),
             'sha256', 'application/json', hex(randomblob(32)), 0, 0, n, n, n
         FROM one;
         UPDATE thorn_registry SET version = {MANY}"
    ))
    .await?;
    Ok(())
}

fn seconds(since: Instant) -> String {
    let seconds = since.elapsed().as_secs_f64();
    if seconds < 0.01 { format!("{:.0} µs", 1e6 * seconds) } else { format!("{seconds:.2} s") }
}

/// Resident memory of this process, in bytes.
fn resident() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?.parse()?;
    Ok(1024.0 * kib)
}
