//! The forms of the hub's settings.

use std::{fmt, str::FromStr, time::Duration};

use crate::{intent::HostRates, signing::Digest, spec::Dialect, subscription::HubBounds};

/// The lease of a `PubSubHubbub` subscription without a wish, in seconds.
const PUBSUBHUBBUB_LEASE: u64 = 2_592_000;

/// A hash function that `WebSub` knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HubDigest {
    /// `sha1`
    Sha1,
    /// `sha256`
    #[default]
    Sha256,
    /// `sha384`
    Sha384,
    /// `sha512`
    Sha512,
}

impl HubDigest {
    pub(crate) const fn digest(self) -> Digest {
        match self {
            Self::Sha1 => Digest::Sha1,
            Self::Sha256 => Digest::Sha256,
            Self::Sha384 => Digest::Sha384,
            Self::Sha512 => Digest::Sha512,
        }
    }
}

impl fmt::Display for HubDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest().fmt(f)
    }
}

/// A text is no setting of the hub. The message says what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct InvalidHubSetting(&'static str);

impl FromStr for HubDigest {
    type Err = InvalidHubSetting;

    fn from_str(text: &str) -> Result<Self, InvalidHubSetting> {
        let all = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];
        let is_named = |digest: &Self| digest.digest().as_str().eq_ignore_ascii_case(text);
        all.into_iter().find(is_named).ok_or(InvalidHubSetting(DIGEST))
    }
}

/// The forms of the variables.
pub(super) const DIGEST: &str = "sha1, sha256, sha384 or sha512";
pub(super) const LEASE: &str =
    "the shortest, the default and the longest lease in seconds, such as 3600,864000,2592000";
pub(super) const RATES: &str = "bounds such as host=10,pending=20,source=30,failures=10,topic=10000,hub=100000, each a \
                                number from 1 on or `none`";

/// How long subscriptions last. A subscriber's wish is moved into the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubLease {
    /// The shortest lease. Default: an hour.
    pub shortest: Duration,
    /// The lease without a wish. Default: 10 days. `PubSubHubbub` has 30 days, but stays in the range.
    pub default: Duration,
    /// The longest lease. Default: 30 days.
    pub longest: Duration,
}

impl Default for HubLease {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { shortest: seconds(3_600), default: seconds(864_000), longest: seconds(2_592_000) }
    }
}

impl HubLease {
    /// The lease that is granted, in seconds.
    pub(crate) fn granted(&self, wish: Option<u64>, dialect: Dialect) -> i64 {
        let default = match dialect {
            Dialect::PubSubHubbub => PUBSUBHUBBUB_LEASE,
            _ => self.default.as_secs(),
        };
        let granted = wish.unwrap_or(default).max(self.shortest.as_secs()).min(self.longest.as_secs());
        i64::try_from(granted).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for HubLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.shortest.as_secs(), self.default.as_secs(), self.longest.as_secs())
    }
}

impl FromStr for HubLease {
    type Err = InvalidHubSetting;

    fn from_str(text: &str) -> Result<Self, InvalidHubSetting> {
        /// A hundred years. Times beyond don't fit into the table.
        const LONGEST: u64 = 100 * 365 * 24 * 60 * 60;
        let seconds: Option<Vec<u64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        match seconds.as_deref() {
            Some(&[shortest, default, longest])
                if (1..=default).contains(&shortest) && (default..=LONGEST).contains(&longest) =>
            {
                let [shortest, default, longest] = [shortest, default, longest].map(Duration::from_secs);
                Ok(Self { shortest, default, longest })
            }
            _ => Err(InvalidHubSetting(LEASE)),
        }
    }
}

/// The bounds that keep strangers from misusing the hub. `None` is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubRates {
    /// Verifications in a minute of callbacks at one host, and at one address. Default: 10.
    pub host: Option<u32>,
    /// Unconfirmed requests for callbacks at one host, and at one address. Default: 20.
    pub pending: Option<u32>,
    /// Requests in a minute from one address, or one /64 network of IPv6. Default: 30.
    pub source: Option<u32>,
    /// Failed verifications in a row after which a host is put off for an hour. Default: 10.
    pub failures: Option<u32>,
    /// Live subscriptions of one topic. Default: 10,000.
    pub topic: Option<u32>,
    /// Live subscriptions of all topics. Default: 100,000.
    pub hub: Option<u32>,
}

impl Default for HubRates {
    fn default() -> Self {
        Self {
            host: Some(10),
            pending: Some(20),
            source: Some(30),
            failures: Some(10),
            topic: Some(10_000),
            hub: Some(100_000),
        }
    }
}

impl HubRates {
    pub(crate) const fn of_host(&self) -> HostRates {
        HostRates { per_minute: self.host, failures: self.failures }
    }

    pub(crate) fn bounds(&self) -> HubBounds {
        HubBounds { per_topic: self.topic.map(u64::from), in_all: self.hub.map(u64::from) }
    }

    fn named(&mut self) -> [(&'static str, &mut Option<u32>); 6] {
        [
            ("host", &mut self.host),
            ("pending", &mut self.pending),
            ("source", &mut self.source),
            ("failures", &mut self.failures),
            ("topic", &mut self.topic),
            ("hub", &mut self.hub),
        ]
    }
}

impl fmt::Display for HubRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut this = *self;
        let shown = |(name, bound): (&str, &mut Option<u32>)| match bound {
            Some(bound) => format!("{name}={bound}"),
            None => format!("{name}=none"),
        };
        f.write_str(&this.named().map(shown).join(","))
    }
}

impl FromStr for HubRates {
    type Err = InvalidHubSetting;

    /// Reads bounds. Those that aren't named keep their defaults.
    fn from_str(text: &str) -> Result<Self, InvalidHubSetting> {
        let mut rates = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, bound) = part.split_once('=').ok_or(InvalidHubSetting(RATES))?;
            let (name, bound) = (name.trim(), bound.trim());
            let bound = match bound {
                "none" => None,
                bound => Some(bound.parse().ok().filter(|bound| *bound > 0).ok_or(InvalidHubSetting(RATES))?),
            };
            let mut named = rates.named().into_iter();
            let (_, place) = named.find(|(known, _)| *known == name).ok_or(InvalidHubSetting(RATES))?;
            *place = bound;
        }
        Ok(rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ws4_ps4_br6_a_wish_is_moved_into_the_range_of_leases() {
        let lease = HubLease::default();
        for (wish, dialect, granted) in [
            (None, Dialect::WebSub, 864_000),
            (None, Dialect::PubSubHubbub, 2_592_000),
            (Some(1), Dialect::WebSub, 3_600),
            (Some(3_600), Dialect::PubSubHubbub, 3_600),
            (Some(5_000), Dialect::WebSub, 5_000),
            (Some(1_000_000_000_000), Dialect::WebSub, 2_592_000),
            (Some(u64::MAX), Dialect::PubSubHubbub, 2_592_000),
        ] {
            assert_eq!(lease.granted(wish, dialect), granted, "{wish:?} {dialect}");
        }
        let short: HubLease = "1, 2, 3".parse().unwrap();
        assert_eq!((short.granted(None, Dialect::PubSubHubbub), short.granted(None, Dialect::WebSub)), (3, 2));
        for bad in ["", "1,2", "0,1,2", "2,1,3", "1,3,2", "1,2,3,4", "1,2,x", "-1,2,3", "1,2,99999999999"] {
            assert!(bad.parse::<HubLease>().is_err(), "{bad}");
        }
        assert_eq!(HubLease::default().to_string().parse(), Ok(HubLease::default()));
    }

    #[test]
    fn bounds_are_named_and_those_left_out_keep_their_defaults() {
        let rates: HubRates = "host=none, topic=3".parse().unwrap();
        assert_eq!(rates, HubRates { host: None, topic: Some(3), ..HubRates::default() });
        assert_eq!(HubRates::default().to_string().parse(), Ok(HubRates::default()));
        for bad in ["10", "host", "host=", "host=0", "host=-1", "host=many", "guest=1"] {
            assert!(bad.parse::<HubRates>().is_err(), "{bad}");
        }
    }

    #[test]
    fn websub_knows_four_hash_functions() {
        assert_eq!("SHA512".parse(), Ok(HubDigest::Sha512));
        assert!("sha224".parse::<HubDigest>().is_err() && "md5".parse::<HubDigest>().is_err());
    }
}
