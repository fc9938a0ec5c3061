//! How often each source address may ask.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::engine::per_source::PerSource;

/// Time that one request takes of a source's rate: five in a second in the long run.
const EACH: Duration = Duration::from_millis(200);

/// Requests that a source which was quiet may send at once.
const AT_ONCE: u32 = 60;

/// The rates of all sources: a generic cell rate algorithm with one time for each.
#[derive(Debug, Default)]
pub(in crate::engine) struct SourceRates(PerSource<Instant>);

impl SourceRates {
    /// Takes one request of the source's rate, or returns how long the source should wait.
    pub(super) fn take(&self, source: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        self.0.change(
            source,
            || now,
            |taken_until| {
                let next = (*taken_until).max(now) + EACH;
                let most = now + EACH * AT_ONCE;
                if next > most {
                    return Err(next - most);
                }
                *taken_until = next;
                Ok(())
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rates: &SourceRates, source: &str, now: Instant) -> usize {
        let source = source.parse().unwrap();
        (0..1_000).take_while(|_| rates.take(Some(source), now).is_ok()).count()
    }

    #[test]
    fn a_source_has_a_burst_and_then_five_requests_a_second() {
        let (rates, now) = (SourceRates::default(), Instant::now());
        assert_eq!(taken(&rates, "192.0.2.1", now), 60);
        assert_eq!(rates.take(Some("192.0.2.1".parse().unwrap()), now), Err(EACH));
        assert_eq!(taken(&rates, "192.0.2.1", now + Duration::from_secs(2)), 10);
        assert_eq!(taken(&rates, "192.0.2.1", now + Duration::from_secs(3_600)), 60);
    }

    #[test]
    fn a_neighbour_doesn_t_notice_and_a_network_of_ipv6_is_one_source() {
        let (rates, now) = (SourceRates::default(), Instant::now());
        for (source, expected) in [
            ("192.0.2.1", 60),
            ("192.0.2.2", 60),
            ("::ffff:192.0.2.1", 0),
            ("2001:db8::1", 60),
            ("2001:db8::2", 0),
            ("2001:db8:0:1::1", 60),
        ] {
            assert_eq!(taken(&rates, source, now), expected, "{source}");
        }
    }

    #[test]
    fn however_many_sources_there_are_a_bounded_number_is_remembered() {
        let (rates, now) = (SourceRates::default(), Instant::now());
        for n in 0..20_000_u32 {
            assert_eq!(rates.take(Some(IpAddr::from(n.to_be_bytes())), now), Ok(()));
        }
        assert_eq!(rates.0.remembered(), 10_000);
    }
}
