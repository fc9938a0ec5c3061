//! When a relay does what: its pauses, and what it does every so often.

use std::time::Duration;

use tokio::time::Instant;

/// Pause before the relay looks again for work that lanes or the queue had no room for.
const BUSY: Duration = Duration::from_millis(100);

/// Something that is due at most once in each interval.
#[derive(Debug)]
pub(super) struct Every {
    interval: Duration,
    next: Instant,
}

impl Every {
    /// The first time is one interval from now.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, next: Instant::now() + interval }
    }

    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    /// Begins the next interval.
    pub(super) fn restart(&mut self) {
        self.postpone(self.interval);
    }

    /// Sets the next time to this long from now.
    pub(super) fn postpone(&mut self, by: Duration) {
        self.next = Instant::now() + by;
    }
}

/// The pause in which the relay claims no due deliveries, because lanes or the queue had no room.
#[derive(Debug, Default)]
pub(super) struct BusyPause {
    until: Option<Instant>,
}

impl BusyPause {
    pub(super) fn begin(&mut self) {
        self.until = Some(Instant::now() + BUSY);
    }

    /// Whether the pause is still under way. Forgets a pause that is over.
    pub(super) fn is_under_way(&mut self) -> bool {
        self.until = self.until.filter(|until| Instant::now() < *until);
        self.until.is_some()
    }

    /// How long until the relay looks again; [`Duration::MAX`] if there is no pause.
    pub(super) fn left(&self) -> Duration {
        self.until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_busy_pause_ends_by_itself() {
        let mut busy = BusyPause::default();
        assert!(!busy.is_under_way());
        assert_eq!(busy.left(), Duration::MAX);
        busy.begin();
        assert!(busy.is_under_way());
        assert_eq!(busy.left(), BUSY);
        tokio::time::advance(BUSY).await;
        assert!(!busy.is_under_way());
        assert_eq!(busy.left(), Duration::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn something_is_due_once_in_an_interval() {
        let second = Duration::from_secs(1);
        let mut every = Every::new(second);
        assert!(!every.is_due());
        tokio::time::advance(second).await;
        assert!(every.is_due());
        every.restart();
        assert!(!every.is_due());
        every.postpone(second * 3);
        tokio::time::advance(second).await;
        assert!(!every.is_due());
        tokio::time::advance(second * 2).await;
        assert!(every.is_due());
    }
}
