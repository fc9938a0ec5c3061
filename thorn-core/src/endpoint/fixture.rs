//! An attempt for the tests of this module.

use std::time::Duration;

use crate::{
    attempt::{Attempt, Outcome},
    timestamp::Timestamp,
};

/// A quick success.
pub(super) fn quick() -> Attempt {
    Attempt {
        outcome: Outcome::Delivered,
        attempted_at: Timestamp::now(),
        duration: Duration::from_millis(3),
        status: Some(200),
        response: None,
        error: None,
        retry_after: None,
    }
}
