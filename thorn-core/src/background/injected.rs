//! Panics that tests inject into background tasks.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;

/// Injects panics, and counts how often each task was started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Injected {
    panics: Arc<watch::Sender<String>>,
    starts: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Injected {
    /// Makes the running task of this name panic once.
    pub(crate) fn panic_in(&self, task: &str) {
        self.panics.send_replace(task.to_owned());
    }

    /// How often each task was started.
    pub(crate) fn starts(&self) -> BTreeMap<String, usize> {
        self.starts.lock().unwrap().clone()
    }

    /// Runs a task until it ends, or until the test wants it to panic.
    pub(super) async fn run<F: Future>(&self, name: &str, task: F) -> F::Output {
        let mut panics = self.panics.subscribe();
        *self.starts.lock().unwrap().entry(name.to_owned()).or_default() += 1;
        let told = async {
            while panics.changed().await.is_ok() {
                assert_ne!(*panics.borrow_and_update(), name, "the test injected this panic");
            }
        };
        tokio::select! {
            output = task => output,
            () = told => unreachable!("this value holds the sender"),
        }
    }
}
