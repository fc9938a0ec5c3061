//! How a subscription is, in one word.

use serde::Serialize;

use crate::{subscription::Subscription, tally::Sums};

/// How a subscription is. If several apply, it is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Health {
    /// It gets nothing until somebody enables it.
    Disabled,
    /// A user has paused it. Its deliveries wait.
    Paused,
    /// Its deliveries are held, because its endpoint keeps failing or asked for a pause.
    Held,
    /// No attempt has succeeded for a while, or none in the window.
    Failing,
    /// There was no attempt in the window.
    Idle,
    /// Attempts succeed.
    Healthy,
}

impl Health {
    /// The health of a subscription with these attempts.
    pub(super) fn of(subscription: &Subscription, sums: &Sums) -> Self {
        if subscription.disabled.is_some() {
            Self::Disabled
        } else if subscription.paused_at.is_some() {
            Self::Paused
        } else if subscription.held.is_some() {
            Self::Held
        } else if subscription.failing_since.is_some() || sums.failed > 0 && sums.delivered == 0 {
            Self::Failing
        } else if sums.delivered == 0 {
            Self::Idle
        } else {
            Self::Healthy
        }
    }
}
