//! Figures of one subscription: its health, its attempts over time, and what waits.

mod health;
mod open_work;
mod window;

pub use health::Health;
pub use window::{InvalidStatsWindow, StatsWindow};

use std::time::Duration;

use sea_orm::DatabaseConnection;
use serde::Serialize;

use self::open_work::{dead, waiting};
use super::held::{Held, visible_error};
use crate::{
    error::Error,
    subscription::{Access, Subscription},
    tally::{Sums, Tallied, latest_failure, latest_success, tallies},
    timestamp::Timestamp,
};

/// A subscription's figures; [`Thorn::stats`](crate::Thorn::stats) returns them. Serialized, they are the JSON that the
/// REST API shows.
///
/// Attempts come from sums that workers write every ten seconds, so the latest may be missing, and those of a worker that
/// is killed are lost. Nothing here reads the history.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// How the subscription is.
    pub health: Health,
    /// The fraction of the window's attempts that succeeded, from 0 to 1; `None` without attempts.
    pub success_rate: Option<f64>,
    /// The attempts in the window.
    pub attempts: u64,
    /// The milliseconds within which half of the window's requests were answered or timed out. It is interpolated.
    pub p50_ms: Option<u64>,
    /// The same for 95 % of them.
    pub p95_ms: Option<u64>,
    /// When an attempt last succeeded, also before the window.
    pub last_success_at: Option<Timestamp>,
    /// The last failed attempt, also before the window.
    pub last_failure: Option<LastFailure>,
    /// The first failed attempt since the last success, once the failure has lasted.
    pub failing_since: Option<Timestamp>,
    /// Until when deliveries are held.
    pub held_until: Option<Timestamp>,
    /// The hold of its deliveries; `None` while they are sent.
    pub held: Option<Held>,
    /// When the subscription will be disabled if no attempt succeeds.
    pub disables_at: Option<Timestamp>,
    /// Deliveries that wait for an attempt, counted up to 10,000.
    pub waiting: u64,
    /// When the oldest of these began to wait.
    pub oldest_waiting_at: Option<Timestamp>,
    /// Deliveries that were given up, counted up to 10,000. On MySQL only the newest 10,000 deliveries are looked at.
    pub dead: u64,
    /// The steps of the window, the oldest first.
    pub series: Vec<StatsPoint>,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LastFailure {
    /// When it ended.
    pub at: Timestamp,
    /// The HTTP status of the response, if there was one.
    pub status: Option<u16>,
    /// The error, at most 190 characters. Owners see it only if there was a response, because the text of a failed
    /// connection would show which ports and names exist inside your network.
    pub error: Option<String>,
}

/// The attempts of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StatsPoint {
    /// When the step begins.
    pub at: Timestamp,
    /// Attempts that succeeded.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// The milliseconds within which 95 % of the step's requests were answered or timed out.
    pub p95_ms: Option<u64>,
}

impl Stats {
    /// Reads the figures of a subscription, as this caller may see them. A failing one is disabled after `disable_after`.
    pub(crate) async fn read(
        db: &DatabaseConnection,
        access: Access<'_>,
        subscription: &Subscription,
        window: StatsWindow,
        disable_after: Option<Duration>,
    ) -> Result<Self, Error> {
        let id = subscription.id;
        let steps = steps(window, tallies(db, id, window.since(), window.until()).await?);
        let mut all = Sums::default();
        steps.iter().for_each(|(_, sums)| all.merge(sums.clone()));
        let attempts = u64::from(all.delivered) + u64::from(all.failed);
        let (waiting, oldest_waiting_at) = waiting(db, id).await?;
        let last_failure = latest_failure(db, id).await?;
        let failing_since = subscription.failing_since.filter(|_| subscription.disabled.is_none());
        Ok(Self {
            health: Health::of(subscription, &all),
            success_rate: (attempts > 0).then(|| f64::from(all.delivered) / attempts as f64),
            attempts,
            p50_ms: all.latencies.percentile(0.5),
            p95_ms: all.latencies.percentile(0.95),
            last_success_at: latest_success(db, id).await?,
            last_failure: last_failure.map(|last| LastFailure {
                at: last.at,
                status: last.status,
                error: visible_error(access, last.status, last.error),
            }),
            failing_since: subscription.failing_since,
            held_until: subscription.held.as_ref().map(|hold| hold.until),
            held: subscription.held.as_ref().map(|hold| Held::new(hold, access)),
            disables_at: failing_since.zip(disable_after).map(|(since, after)| since + after),
            waiting,
            oldest_waiting_at,
            dead: dead(db, id).await?,
            series: steps.iter().map(|(at, sums)| StatsPoint::new(*at, sums)).collect(),
        })
    }
}

impl StatsPoint {
    fn new(at: Timestamp, sums: &Sums) -> Self {
        Self {
            at,
            delivered: sums.delivered.into(),
            failed: sums.failed.into(),
            p95_ms: sums.latencies.percentile(0.95),
        }
    }
}

/// The sums of each step of the window. Steps without attempts are there, too.
fn steps(window: StatsWindow, tallied: Vec<Tallied>) -> Vec<(Timestamp, Sums)> {
    let mut steps: Vec<_> = window.steps().map(|at| (at, Sums::default())).collect();
    for Tallied { start, sums } in tallied {
        let behind = steps.partition_point(|(at, _)| *at <= start);
        if let Some((_, step)) = behind.checked_sub(1).and_then(|place| steps.get_mut(place)) {
            step.merge(sums);
        }
    }
    steps
}
