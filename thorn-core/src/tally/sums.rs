//! The sums of one period.

use super::latencies::Latencies;
use crate::{
    attempt::{Attempt, DeliveryState, Outcome},
    timestamp::Timestamp,
};

/// The most characters of an error that are kept.
const ERROR_CHARACTERS: usize = 190;

/// The results of a subscription's attempts in one period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Attempts that the receiver accepted.
    pub(crate) delivered: u32,
    /// Attempts that failed.
    pub(crate) failed: u32,
    /// Deliveries that were given up.
    pub(crate) dead: u32,
    /// How long the receiver took, if it had the request.
    pub(crate) latencies: Latencies,
    /// The end of the last attempt that the receiver accepted.
    pub(crate) delivered_at: Option<Timestamp>,
    /// The last attempt that failed. Most periods have none, and then it should take little memory.
    pub(crate) failure: Option<Box<Failure>>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) at: Timestamp,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
}

impl Sums {
    /// Adds an attempt that ended at this moment and left its delivery in this state.
    pub(super) fn add(&mut self, attempt: &Attempt, state: DeliveryState, at: Timestamp) {
        if attempt.outcome == Outcome::Delivered {
            self.delivered = self.delivered.saturating_add(1);
            self.delivered_at = self.delivered_at.max(Some(at));
        } else {
            self.failed = self.failed.saturating_add(1);
            self.dead = self.dead.saturating_add(u32::from(state == DeliveryState::Dead));
            if self.failure.as_ref().is_none_or(|last| last.at <= at) {
                let error = attempt.error.as_ref().map(|error| error.chars().take(ERROR_CHARACTERS).collect());
                self.failure = Some(Box::new(Failure { at, status: attempt.status, error }));
            }
        }
        // Without a receiver at the other end, a duration says nothing about it.
        if !matches!(attempt.outcome, Outcome::Unreachable | Outcome::Blocked) {
            self.latencies.add(attempt.duration);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.failed = self.failed.saturating_add(other.failed);
        self.dead = self.dead.saturating_add(other.dead);
        self.latencies.merge(other.latencies);
        self.delivered_at = self.delivered_at.max(other.delivered_at);
        if let Some(failure) = other.failure
            && self.failure.as_ref().is_none_or(|last| last.at <= failure.at)
        {
            self.failure = Some(failure);
        }
    }
}
