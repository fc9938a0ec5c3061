//! Whether the receiver behind an endpoint may be read among everything else.
//!
//! A receiver that hasn't answered yet may do anything, and so may all endpoints of an owner of whom one flooded its
//! connection. Their requests run apart, each on a new connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use super::Endpoint;
use crate::timestamp::Timestamp;

/// How long no endpoint of an owner is trusted after one of them flooded its connection.
const DISTRUST: Duration = Duration::from_secs(60 * 60);

/// The trust in one receiver.
#[derive(Debug)]
pub(super) struct Trust {
    /// Whether it needn't be read apart: it has answered, or is the operator's.
    is_trusted: AtomicBool,
    /// `None` for the operator.
    owner: Option<Arc<OwnerTrust>>,
}

/// The trust in all receivers of an owner.
#[derive(Debug, Default)]
pub(super) struct OwnerTrust {
    /// In milliseconds.
    distrusted_until: AtomicI64,
}

impl Trust {
    pub(super) const fn new(owner: Option<Arc<OwnerTrust>>) -> Self {
        Self { is_trusted: AtomicBool::new(owner.is_none()), owner }
    }

    fn is_trusted(&self, now: Timestamp) -> bool {
        let until = self.owner.as_ref().map_or(0, |owner| owner.distrusted_until.load(Ordering::Relaxed));
        self.is_trusted.load(Ordering::Relaxed) && until <= now.as_millis()
    }
}

impl Endpoint {
    /// Whether the receiver may be read among everything else.
    pub(crate) fn is_trusted(&self, now: Timestamp) -> bool {
        self.trust.is_trusted(now)
    }

    /// Notes that the receiver has given a complete response.
    pub(crate) fn trust(&self) {
        // Nearly every response is from a receiver that is trusted, and a write would cost other cores their copy.
        if !self.trust.is_trusted.load(Ordering::Relaxed) {
            self.trust.is_trusted.store(true, Ordering::Relaxed);
        }
    }

    /// Notes that the receiver flooded its connection.
    pub(crate) fn distrust(&self, now: Timestamp) {
        self.trust.is_trusted.store(false, Ordering::Relaxed);
        if let Some(owner) = &self.trust.owner {
            owner.distrusted_until.store((now + DISTRUST).as_millis(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{endpoint::Endpoints, tenant::Tenant};

    use super::*;

    #[test]
    fn an_owner_s_endpoint_is_trusted_from_its_first_answer_and_the_operator_s_from_the_start() {
        let (endpoints, now) = (Endpoints::default(), Timestamp::now());
        let alice = endpoints.get(Tenant::of(Some("alice")), "https://a.example/");
        assert!(!alice.is_trusted(now));
        alice.trust();
        assert!(alice.is_trusted(now));
        assert!(endpoints.get(Tenant::default(), "https://a.example/").is_trusted(now));
    }

    #[test]
    fn after_a_flood_no_endpoint_of_the_owner_is_trusted_for_an_hour_and_a_neighbour_s_are() {
        let (endpoints, now) = (Endpoints::default(), Timestamp::now());
        let [alices, others, bobs] = [("alice", "/1"), ("alice", "/2"), ("bob", "/1")].map(|(owner, path)| {
            let endpoint = endpoints.get(Tenant::of(Some(owner)), &format!("https://a.example{path}"));
            endpoint.trust();
            endpoint
        });
        alices.distrust(now);
        alices.trust();
        let later = now + DISTRUST;
        for (endpoint, at_once, after) in [(&alices, false, true), (&others, false, true), (&bobs, true, true)] {
            assert_eq!((endpoint.is_trusted(now), endpoint.is_trusted(later)), (at_once, after));
        }
        let operators = endpoints.get(Tenant::default(), "https://a.example/");
        operators.distrust(now);
        assert!(!operators.is_trusted(now) && !operators.is_trusted(later), "it must answer first");
    }
}
