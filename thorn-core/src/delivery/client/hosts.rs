//! What is known of the hosts that are delivered to: their URLs, parsed, and how many new requests each has.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{ParseError, Url};

/// URLs kept; all are forgotten beyond. Parsing one costs more than everything that is checked about
/// a delivery.
const REMEMBERED: usize = 4096;

/// How long a request counts as new.
pub(super) const NEW: Duration = Duration::from_millis(50);

/// One that drives the connection, and one that waits for it to be ready and puts it back.
const HYPERS_TASKS: usize = 2;

/// The hosts that one client knows.
///
/// A host may have many endpoints, each with its lane. Of the requests to it, only half as many may be
/// new at once as idle connections are kept: more would open connections that are closed after one
/// answer. One that takes longer doesn't count any more, so a host that hangs is no reason to wait.
#[derive(Debug)]
pub(super) struct Hosts {
    new_at_once: usize,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    targets: HashMap<String, Target>,
    gates: HashMap<String, Arc<Semaphore>>,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    gate: Arc<Semaphore>,
}

impl Hosts {
    pub(super) fn new(new_at_once: usize) -> Self {
        Self { new_at_once: new_at_once.max(1), known: RwLock::default() }
    }

    pub(super) fn target(&self, text: &str) -> Result<Target, ParseError> {
        if let Some(target) = self.known.read().unwrap_or_else(PoisonError::into_inner).targets.get(text) {
            return Ok(target.clone());
        }
        let url = Url::parse(text)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.targets.len() >= REMEMBERED {
            *known = Known::default();
        }
        let gate = known.gates.entry(url.origin().ascii_serialization());
        let gate = Arc::clone(gate.or_insert_with(|| Arc::new(Semaphore::new(self.new_at_once))));
        let target = Target { url, gate };
        known.targets.insert(text.to_owned(), target.clone());
        Ok(target)
    }
}

/// The turn of a request that is new; over when it is dropped.
#[derive(Debug)]
pub(super) struct Turn(OwnedSemaphorePermit);

impl Target {
    /// Waits for the turn of a request to begin.
    pub(super) async fn turn(&self) -> Option<Turn> {
        // It is never closed.
        Arc::clone(&self.gate).acquire_owned().await.ok().map(Turn)
    }
}

impl Turn {
    /// Ends the turn of a request that has its answer. Its connection is free a moment later, when hyper's
    /// tasks have seen the answer's end; whoever is next should find it.
    pub(super) async fn pass_on(self) {
        if self.0.semaphore().available_permits() == 0 {
            for _ in 0..HYPERS_TASKS {
                tokio::task::yield_now().await;
            }
        }
    }
}
