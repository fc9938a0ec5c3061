//! The hold of a subscription's deliveries, as its owner and operators see it.

use serde::Serialize;

use crate::{
    attempt::HoldReason,
    subscription::{Access, Hold},
    timestamp::Timestamp,
};

/// The hold of a subscription's deliveries. Serialized, it is the JSON that the REST API shows as `held`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Held {
    /// Until when nothing is sent. Then one delivery is tried as a probe.
    pub until: Timestamp,
    /// How many holds have followed one another, with this one; from 1.
    pub step: u32,
    /// When the first of them began. `None` for a hold that an earlier release of thorn has begun, as the fields below.
    pub since: Option<Timestamp>,
    /// Why the present one began.
    pub reason: Option<HoldReason>,
    /// The HTTP status of the attempt that began it, if there was a response.
    pub status: Option<u16>,
    /// The error of that attempt, at most 190 characters. Owners see it only if there was a response, because the text of a
    /// failed connection would show which ports and names exist inside your network.
    pub error: Option<String>,
}

impl Held {
    /// The hold as this caller may see it.
    #[must_use]
    pub fn new(hold: &Hold, access: Access<'_>) -> Self {
        let cause = hold.cause.as_deref();
        let status = cause.and_then(|cause| cause.status);
        Self {
            until: hold.until,
            step: hold.step,
            since: cause.map(|cause| cause.since),
            reason: cause.map(|cause| cause.reason),
            status,
            error: cause.and_then(|cause| visible_error(access, status, cause.error.clone())),
        }
    }
}

/// The error of an attempt, as far as this caller may see it: an owner sees that of a response only.
pub(super) fn visible_error(access: Access<'_>, status: Option<u16>, error: Option<String>) -> Option<String> {
    error.filter(|_| status.is_some() || access == Access::Operator)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::subscription::HoldCause;

    #[test]
    fn owners_see_the_error_of_a_response_and_of_nothing_else() {
        let held = |status, access| {
            let (since, error) = (Timestamp::from_millis(1), Some("connection refused".to_owned()));
            let cause = Arc::new(HoldCause { since, reason: HoldReason::Unreachable, status, error });
            let hold = Hold { until: Timestamp::from_millis(9), step: 2, probed_until: None, cause: Some(cause) };
            Held::new(&hold, access)
        };
        assert_eq!(held(None, Access::Owner("alice")).error, None);
        assert!(held(None, Access::Operator).error.is_some());
        assert!(held(Some(200), Access::Owner("alice")).error.is_some());
        assert_eq!(held(None, Access::Owner("alice")).reason, Some(HoldReason::Unreachable));
    }

    #[test]
    fn a_hold_of_an_earlier_release_has_no_cause() {
        let hold = Hold { until: Timestamp::from_millis(0), step: 1, probed_until: None, cause: None };
        let expected = serde_json::json!({
            "until": "1970-01-01T00:00:00.000Z", "step": 1, "since": null, "reason": null, "status": null, "error": null,
        });
        assert_eq!(serde_json::to_value(Held::new(&hold, Access::Operator)).unwrap(), expected);
    }
}
