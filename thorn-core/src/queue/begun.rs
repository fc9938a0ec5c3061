//! What a worker has begun of its tasks.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

/// The tasks a worker has begun: how many are under way, and which finished last. Those apalis may not
/// have acknowledged yet are among them.
#[derive(Clone, Debug)]
pub(super) struct Begun(Arc<Tally>);

#[derive(Debug)]
struct Tally {
    under_way: watch::Sender<usize>,
    finished: Mutex<VecDeque<String>>,
    remembered: usize,
}

/// A task under way; finished when dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    tally: Arc<Tally>,
    task: String,
}

impl Begun {
    pub(super) fn new(remembered: usize) -> Self {
        Self(Arc::new(Tally { under_way: watch::Sender::new(0), finished: Mutex::default(), remembered }))
    }

    pub(super) fn begin(&self, task: String) -> UnderWay {
        self.0.under_way.send_modify(|count| *count += 1);
        UnderWay { tally: self.0.clone(), task }
    }

    /// Waits until nothing is under way, and says what finished last.
    pub(super) async fn finished(&self) -> Vec<String> {
        let _ = self.0.under_way.subscribe().wait_for(|count| *count == 0).await;
        self.0.finished.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        {
            let mut finished = self.tally.finished.lock().unwrap_or_else(PoisonError::into_inner);
            finished.truncate(self.tally.remembered - 1);
            finished.push_front(std::mem::take(&mut self.task));
        }
        self.tally.under_way.send_modify(|count| *count -= 1);
    }
}
