//! The bounds of a pause.

use std::time::Duration;

/// How long a paused subscription keeps deliveries, and how many. Beyond that it is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PausePolicy {
    /// `None` sets no bound.
    pub(crate) longest: Option<Duration>,
    /// `None` sets no bound.
    pub(crate) most_kept: Option<u64>,
}
