//! Says every few seconds that the worker is alive, and keeps the table of sums short.

use std::{sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;
use tokio::{sync::watch, time::Instant};

use crate::{
    db::with_timeout,
    error::Error,
    membership::{View, WorkerRow},
    subscription::Registry,
    tally,
    timestamp::Timestamp,
};

/// The longest time between two signs of life.
const LONGEST: Duration = Duration::from_secs(10);

/// The time between two signs of life until all workers agree who is alive.
const DISAGREED: Duration = Duration::from_secs(1);

/// A worker's signs of life.
#[derive(Clone, Debug)]
pub(super) struct Heartbeat {
    pub(super) db: DatabaseConnection,
    pub(super) registry: Arc<Registry>,
    pub(super) worker: WorkerRow,
    /// The time between two signs of life.
    pub(super) every: Duration,
    /// How long sums are kept. `None` keeps them for ever.
    pub(super) keep: Option<Duration>,
}

impl Heartbeat {
    /// The others count the worker as dead if it isn't seen for `alive_for`.
    pub(super) fn new(
        db: DatabaseConnection,
        registry: Arc<Registry>,
        alive_for: Duration,
        keep: Option<Duration>,
    ) -> Self {
        Self { db, registry, worker: WorkerRow::new(alive_for), every: LONGEST.min(alive_for / 3), keep }
    }

    /// Goes on until `stop` turns true. Then the others take the worker's share.
    pub(super) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut view = View::default();
        while !*stop.borrow() {
            let began = Instant::now();
            let pause = match with_timeout(&self.db, self.beat(&mut view)).await {
                Ok(true) => self.every,
                Ok(false) => self.every.min(DISAGREED),
                Err(error) => {
                    tracing::warn!(%error, "can't tell the other workers that this one is alive, trying again");
                    self.every
                }
            };
            let kept = tally::retain(&self.db, Timestamp::now(), self.keep);
            if let Err(error) = with_timeout(&self.db, kept).await {
                tracing::warn!(%error, "can't merge or delete old sums of attempts, trying again");
            }
            tokio::select! {
                () = tokio::time::sleep_until(began + pause) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        self.registry.endpoints().membership().leave(self.worker.id);
        if let Err(error) = with_timeout(&self.db, self.worker.delete(&self.db)).await {
            tracing::warn!(%error, "can't tell the other workers that this one has stopped; they will notice");
        }
    }

    /// Says that the worker is alive. `view` is whom it said to be alive the last time. Returns whether all agree.
    async fn beat(&self, view: &mut View) -> Result<bool, Error> {
        let membership = self.registry.endpoints().membership();
        // The second time tells the others what the first one found.
        for _ in 0..2 {
            let found = self.worker.write_and_read(&self.db, view).await?;
            let is_known = found.view == *view;
            if is_known && found.is_agreed {
                membership.agree(self.worker.id, view, found.until);
                self.divide();
                return Ok(true);
            }
            membership.renew(self.worker.id, &found.view, found.until);
            // The others count on it that a worker keeps to the shares of the workers that it says are alive.
            if !self.divide() || is_known {
                break;
            }
            *view = found.view;
        }
        Ok(false)
    }

    /// Applies the present shares. Returns whether no more requests are under way than they allow.
    fn divide(&self) -> bool {
        self.registry.endpoints().divide(|id| self.registry.get(id)?.spec.max_in_flight)
    }
}
