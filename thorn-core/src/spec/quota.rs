//! How many subscriptions one owner may have.

use std::fmt;

/// The bounds on what one owner may have. `None` is no bound, and 0 subscriptions let no owner create one.
///
/// Global subscriptions and configured ones take no place and are never refused. An owner's
/// [webhook](crate::webhook) takes a place for each event that it is linked with. An operator may change an owner's
/// subscription beyond the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// How many subscriptions an owner may have, disabled ones included. Default: 100.
    pub per_owner: Option<u64>,
    /// How many of them may go to one host, whatever the ports and paths of their URLs. Default: 20.
    pub per_host: Option<u64>,
    /// How many bytes the names and values of a subscription's headers may have, at most [`MOST_BYTES`](Self::MOST_BYTES).
    /// Default: 8 KiB.
    pub header_bytes: usize,
    /// How many bytes the JSON of a subscription's filter may have, at most [`MOST_BYTES`](Self::MOST_BYTES). Default:
    /// 16 KiB.
    pub filter_bytes: usize,
}

impl Quotas {
    /// The most bytes of headers, and of a filter, that anybody's subscription may have: 64 KiB.
    pub const MOST_BYTES: usize = 64 * 1024;

    /// The bounds on what operators and configurations give: none but those that hold for everybody.
    pub(crate) const NONE: Self =
        Self { per_owner: None, per_host: None, header_bytes: Self::MOST_BYTES, filter_bytes: Self::MOST_BYTES };
}

impl Default for Quotas {
    fn default() -> Self {
        Self { per_owner: Some(100), per_host: Some(20), header_bytes: 8 * 1024, filter_bytes: 16 * 1024 }
    }
}

/// A subscription was refused because its owner has as many as they may have. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaExceeded {
    /// The bound that the subscription would exceed.
    pub quota: Quota,
    /// How many subscriptions of the owner count towards the bound now.
    pub present: u64,
    /// How many may.
    pub limit: u64,
}

/// One of the [`Quotas`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quota {
    /// The subscriptions of an owner.
    PerOwner,
    /// The subscriptions of an owner that go to one host.
    PerHost {
        /// The host in its normal spelling.
        host: String,
    },
}

impl Quota {
    /// The field of [`Config`](crate::Config) that sets the bound.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        match self {
            Self::PerOwner => "max_subscriptions",
            Self::PerHost { .. } => "max_subscriptions_per_host",
        }
    }

    /// The environment variable that sets the bound.
    #[must_use]
    pub const fn variable(&self) -> &'static str {
        match self {
            Self::PerOwner => "THORN_MAX_SUBSCRIPTIONS",
            Self::PerHost { .. } => "THORN_MAX_SUBSCRIPTIONS_PER_HOST",
        }
    }
}

impl fmt::Display for QuotaExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quota, present, limit } = self;
        let plural = if *present == 1 { "" } else { "s" };
        write!(f, "the owner has {present} subscription{plural}")?;
        if let Quota::PerHost { host } = quota {
            write!(f, " to the host `{host}`")?;
        }
        write!(f, ", and the limit is {limit} (`{}`, {}); ", quota.setting(), quota.variable())?;
        f.write_str(match quota {
            _ if *limit == 0 => "only an operator can create subscriptions here",
            Quota::PerOwner => {
                "delete one that isn't needed, let one pattern such as `article.*` ask for several events, or ask the \
                 operator for a higher limit"
            }
            Quota::PerHost { .. } => {
                "delete one that isn't needed, let one pattern such as `article.*` ask for several events, use another \
                 host, or ask the operator for a higher limit"
            }
        })
    }
}

impl std::error::Error for QuotaExceeded {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_limit_the_number_the_setting_and_a_way_out() {
        let full = QuotaExceeded { quota: Quota::PerOwner, present: 100, limit: 100 }.to_string();
        assert!(full.starts_with(
            "the owner has 100 subscriptions, and the limit is 100 (`max_subscriptions`, THORN_MAX_SUBSCRIPTIONS); \
             delete one"
        ));
        let quota = Quota::PerHost { host: "a.example".to_owned() };
        let full = QuotaExceeded { quota, present: 21, limit: 20 }.to_string();
        assert!(full.starts_with("the owner has 21 subscriptions to the host `a.example`, and the limit is 20"));
        let closed = QuotaExceeded { quota: Quota::PerOwner, present: 0, limit: 0 }.to_string();
        assert!(closed.ends_with("only an operator can create subscriptions here"), "{closed}");
    }
}
