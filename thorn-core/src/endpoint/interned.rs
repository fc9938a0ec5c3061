//! All endpoints that this process remembers, one for each URL.

use std::{convert::Infallible, fmt, sync::Arc};

use quick_cache::{DefaultHashBuilder, Lifecycle, UnitWeighter, sync::Cache};
use url::Url;

use super::{Endpoint, gate::Gate, lane::Lane};
use crate::id::SubscriptionId;

/// How many endpoints are remembered besides those in use.
const REMEMBERED: usize = 10_000;

/// The endpoints of one process. Clones share them.
///
/// The cache never evicts an endpoint in use, so the endpoint's limits hold for every request. Among the other
/// endpoints, the cache evicts the least used.
#[derive(Clone)]
pub(crate) struct Endpoints(Arc<Inner>);

struct Inner {
    by_url: InUsePinned<String, Endpoint>,
    /// By origin.
    gates: InUsePinned<String, Gate>,
    /// Endpoints of subscribers that events brought, by the subscriber's id. Only the event's row has the URL.
    brought: Cache<SubscriptionId, Arc<Endpoint>>,
}

type InUsePinned<K, V> = Cache<K, Arc<V>, UnitWeighter, DefaultHashBuilder, InUse>;

/// Pins the values that are also held outside the cache.
#[derive(Clone, Copy, Debug)]
struct InUse;

impl<K, V> Lifecycle<K, Arc<V>> for InUse {
    type RequestState = ();

    fn is_pinned(&self, _: &K, value: &Arc<V>) -> bool {
        Arc::strong_count(value) > 1
    }
}

fn pinned<K: Eq + std::hash::Hash, V>() -> InUsePinned<K, V> {
    Cache::with(REMEMBERED, REMEMBERED as u64, UnitWeighter, DefaultHashBuilder::default(), InUse)
}

/// The cached value of a key. Calls `make` if the cache doesn't have it, and caches the result.
fn get_or_make<V>(cache: &InUsePinned<String, V>, key: &str, make: impl FnOnce() -> V) -> Arc<V> {
    match cache.get_or_insert_with(key, || Ok::<_, Infallible>(Arc::new(make()))) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl Default for Endpoints {
    fn default() -> Self {
        Self(Arc::new(Inner { by_url: pinned(), gates: pinned(), brought: Cache::new(REMEMBERED) }))
    }
}

impl Endpoints {
    /// The endpoint of a URL.
    pub(crate) fn get(&self, url: &str) -> Arc<Endpoint> {
        get_or_make(&self.0.by_url, url, || self.make(url))
    }

    /// The endpoint of a URL, if it is remembered.
    pub(crate) fn known(&self, url: &str) -> Option<Arc<Endpoint>> {
        self.0.by_url.get(url)
    }

    /// The most recently remembered endpoint of a subscriber that an event brought.
    pub(crate) fn brought(&self, id: SubscriptionId) -> Option<Arc<Endpoint>> {
        self.0.brought.get(&id)
    }

    /// Remembers the endpoint of a subscriber that an event brought.
    pub(crate) fn remember_brought(&self, id: SubscriptionId, endpoint: Arc<Endpoint>) {
        self.0.brought.insert(id, endpoint);
    }

    fn make(&self, url: &str) -> Endpoint {
        let parsed = Url::parse(url);
        let gate = parsed.as_ref().ok().map(|parsed| self.gate(&parsed.origin().ascii_serialization()));
        Endpoint { url: url.to_owned(), parsed, gate, lane: Arc::new(Lane::new()) }
    }

    fn gate(&self, origin: &str) -> Arc<Gate> {
        get_or_make(&self.0.gates, origin, Gate::new)
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} endpoints", self.0.by_url.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_endpoint_and_an_origin_one_gate() {
        let endpoints = Endpoints::default();
        let one = endpoints.get("https://a.example/x");
        assert!(Arc::ptr_eq(&one, &endpoints.get("https://a.example/x")));
        let other = endpoints.get("https://a.example/y");
        assert!(!Arc::ptr_eq(&one, &other));
        let gate = |endpoint: &Endpoint| endpoint.gate.clone().unwrap();
        assert!(Arc::ptr_eq(&gate(&one), &gate(&other)));
        assert!(!Arc::ptr_eq(&gate(&one), &gate(&endpoints.get("https://a.example:8443/x"))));
        assert!(endpoints.get("nowhere").gate.is_none());
        assert!(endpoints.known("https://b.example/").is_none());
    }

    #[test]
    fn an_endpoint_in_use_keeps_its_bounds_however_many_others_come() {
        let endpoints = Endpoints::default();
        let held = endpoints.get("https://held.example/");
        let (lane, gate) = (held.lane.clone(), held.gate.clone().unwrap());
        for n in 0..REMEMBERED * 3 {
            endpoints.get(&format!("https://host-{n}.example/"));
        }
        let again = endpoints.get("https://held.example/");
        assert!(Arc::ptr_eq(&lane, &again.lane) && Arc::ptr_eq(&gate, again.gate.as_ref().unwrap()));
        assert!(endpoints.0.by_url.len() <= REMEMBERED + 1, "{endpoints:?}");
    }
}
