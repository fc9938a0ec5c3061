//! The origin of a URL.

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use url::Url;

/// Scheme, host and port of a URL, in one number. It differs between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin(u64);

impl Origin {
    pub(super) fn of(url: &Url) -> Self {
        static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self(STATE.hash_one((url.scheme(), url.host_str(), url.port_or_known_default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_one_scheme_host_and_port_have_one_origin() {
        let of = |url: &str| Origin::of(&url.parse().unwrap());
        let origin = of("https://a.example/x");
        for same in ["https://a.example:443/y?z", "HTTPS://A.example"] {
            assert_eq!(of(same), origin, "{same}");
        }
        for other in ["http://a.example/x", "https://b.example/x", "https://a.example:8443/x"] {
            assert_ne!(of(other), origin, "{other}");
        }
    }
}
