//! How many requests without a key each source address has sent to the hub lately.

use std::{
    collections::VecDeque,
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::engine::per_source::PerSource;

/// The time over which requests are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// The latest requests of each source.
#[derive(Debug, Default)]
pub(in crate::engine) struct RecentRequests(PerSource<VecDeque<Instant>>);

impl RecentRequests {
    /// Counts a request of a source that may send this many in a minute. Returns how long the source should wait if it has
    /// sent them already.
    pub(super) fn count(&self, source: Option<IpAddr>, most: u32, now: Instant) -> Result<(), Duration> {
        self.0.change(source, VecDeque::new, |requests| {
            while requests.front().is_some_and(|at| now.saturating_duration_since(*at) >= MINUTE) {
                requests.pop_front();
            }
            match requests.front() {
                Some(first) if requests.len() >= most as usize => Err(MINUTE - now.saturating_duration_since(*first)),
                _ => {
                    requests.push_back(now);
                    Ok(())
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ab2_a_source_has_so_many_requests_in_any_minute() {
        let (requests, now) = (RecentRequests::default(), Instant::now());
        let source = |text: &str| Some(text.parse().unwrap());
        let second = Duration::from_secs(1);
        assert_eq!(requests.count(source("192.0.2.1"), 2, now), Ok(()));
        assert_eq!(requests.count(source("192.0.2.1"), 2, now + second * 20), Ok(()));
        assert_eq!(requests.count(source("192.0.2.1"), 2, now + second * 50), Err(second * 10));
        assert_eq!(requests.count(source("192.0.2.1"), 2, now + second * 60), Ok(()), "the first one is a minute ago");
        assert_eq!(requests.count(source("192.0.2.1"), 2, now + second * 61), Err(second * 19));
        for other in ["192.0.2.2", "2001:db8::1", "2001:db8::2"] {
            assert_eq!(requests.count(source(other), 2, now), Ok(()), "{other}");
        }
        assert!(requests.count(source("2001:db8::3"), 2, now).is_err(), "it is the same network");
    }
}
