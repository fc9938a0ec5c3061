//! A receiver whose requests the test must ask for.

use std::{
    collections::HashMap,
    io,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use thorn_core::testing::{self, Received};

use super::ledger::Ledger;

/// A [`testing::Receiver`] of a [`TestApp`](super::TestApp). A request counts as asked for once the test has
/// waited for it, read it or counted it.
#[derive(Debug)]
pub(crate) struct Receiver {
    inner: testing::Receiver,
    ledger: Arc<Ledger>,
    asked_for: AtomicUsize,
}

impl Receiver {
    pub(super) fn new(inner: testing::Receiver, ledger: Arc<Ledger>) -> Self {
        Self { inner, ledger, asked_for: AtomicUsize::new(0) }
    }

    fn ask_for(&self, requests: usize) {
        self.asked_for.fetch_max(requests, Ordering::Relaxed);
    }

    /// Waits for so many requests, and returns all that have arrived by then.
    pub(crate) async fn wait_for(&self, requests: usize, patience: Duration) -> io::Result<Vec<Received>> {
        let received = self.inner.wait_for(requests, patience).await?;
        self.ask_for(requests);
        Ok(received)
    }

    /// Everything that has arrived so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        let received = self.inner.received();
        self.ask_for(received.len());
        received
    }

    pub(crate) fn arrived(&self) -> usize {
        self.received().len()
    }

    /// Forgets what has arrived so far, which counts as asked for.
    pub(crate) fn forget(&self) {
        let received = self.inner.received();
        self.ledger.close("", &received, received.len());
        self.asked_for.store(0, Ordering::Relaxed);
        self.inner.forget();
    }

    /// How often each delivery has arrived.
    pub(crate) fn arrivals(&self) -> HashMap<String, usize> {
        let mut arrivals = HashMap::new();
        for request in self.received() {
            *arrivals.entry(request.header("hook-delivery").to_owned()).or_default() += 1;
        }
        arrivals
    }

    /// How many deliveries have arrived, and how many requests repeated one of them.
    pub(crate) fn different_and_repeated(&self) -> (usize, usize) {
        let arrivals = self.arrivals();
        (arrivals.len(), arrivals.values().map(|times| times - 1).sum())
    }
}

impl Deref for Receiver {
    type Target = testing::Receiver;

    fn deref(&self) -> &testing::Receiver {
        &self.inner
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let asked_for = self.asked_for.load(Ordering::Relaxed);
        self.ledger.close(&self.inner.url(""), &self.inner.received(), asked_for);
    }
}
