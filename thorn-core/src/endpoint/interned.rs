//! All endpoints that this process remembers, one for each tenant and URL.

use std::{
    convert::Infallible,
    fmt,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64},
    },
};

use quick_cache::{DefaultHashBuilder, Equivalent, Lifecycle, UnitWeighter, sync::Cache};
use tokio::sync::Semaphore;
use url::Url;

use super::{
    Endpoint,
    descriptors::requests_at_once,
    failures::Failures,
    gate::Gate,
    held_here::HeldHere,
    lane::{Lane, Size},
    pace::Pace,
    throttle::Throttle,
    trust::{OwnerTrust, Trust},
};
use crate::{id::SubscriptionId, membership::Membership, tenant::Tenant};

/// How many endpoints are remembered besides those in use.
const REMEMBERED: usize = 10_000;

/// Requests to one URL at once.
const PER_URL: Size = Size { start: 16, most: 64, least: 4 };

/// Requests of one tenant at once to endpoints that aren't known to answer quickly. However many URLs and hosts a
/// tenant has, no more requests hang than that. A tenant never gets more than a quarter of what the process may have.
const PER_TENANT: Size = Size { start: 128, most: 384, least: 16 };

/// Requests of one owner at once, whatever the endpoints. Those that have answered quickly so far may all hang from one
/// moment to the next, and each may then hold half a megabyte of a response's head. An owner never gets more than half of
/// what the process may have.
const PER_OWNER: Size = Size { start: 384, most: 384, least: 384 };

/// Requests of all tenants at once to endpoints of one host that aren't known to answer quickly. It is more than one
/// tenant gets, because many tenants may use the host of one provider.
const PER_HOST: Size = Size { start: 256, most: 1_024, least: 64 };

/// The endpoints of one process. Clones share them.
///
/// The cache never evicts an endpoint in use, so the endpoint's limits hold for every request. Among the other
/// endpoints, the cache evicts the least used.
#[derive(Clone)]
pub(crate) struct Endpoints(Arc<Inner>);

struct Inner {
    by_url: InUsePinned<(Tenant, String), Endpoint>,
    /// By origin.
    gates: InUsePinned<String, Gate>,
    /// By URL in its normal spelling. Several spellings of a URL must not add up to more requests than one.
    lanes: InUsePinned<String, Lane>,
    tenants: InUsePinned<Tenant, Lane>,
    per_tenant: Size,
    owners: InUsePinned<Tenant, Lane>,
    per_owner: Size,
    trust: InUsePinned<Tenant, OwnerTrust>,
    /// By host, without the port. A URL that can't be parsed has the empty one.
    hosts: InUsePinned<String, Lane>,
    per_host: Size,
    /// By host, without the port: all owners' requests, however quickly they are answered.
    owners_hosts: InUsePinned<String, Lane>,
    per_owners_host: Size,
    process: Arc<Lane>,
    in_flight: Arc<Semaphore>,
    /// By subscription.
    paces: InUsePinned<SubscriptionId, Pace>,
    /// By subscription: the lanes of those that limit their concurrent requests.
    limited: InUsePinned<SubscriptionId, Lane>,
    membership: Membership,
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

fn pinned<K: Eq + Hash, V>() -> InUsePinned<K, V> {
    Cache::with(REMEMBERED, REMEMBERED as u64, UnitWeighter, DefaultHashBuilder::default(), InUse)
}

/// A tenant's text as the key of a cache, borrowed.
#[derive(Hash)]
struct Of<'a>(Tenant, &'a str);

impl Equivalent<(Tenant, String)> for Of<'_> {
    fn equivalent(&self, (tenant, text): &(Tenant, String)) -> bool {
        (self.0, self.1) == (*tenant, text)
    }
}

/// The cached value of a tenant's text, which is copied only if the cache doesn't have it.
fn get_or_make_of<V>(
    cache: &InUsePinned<(Tenant, String), V>,
    tenant: Tenant,
    text: &str,
    make: impl FnOnce() -> V,
) -> Arc<V> {
    let known = cache.get(&Of(tenant, text));
    known.unwrap_or_else(|| get_or_make(cache, &(tenant, text.to_owned()), make))
}

/// The cached value of a key. Calls `make` if the cache doesn't have it, and caches the result.
fn get_or_make<K, Q, V>(cache: &InUsePinned<K, V>, key: &Q, make: impl FnOnce() -> V) -> Arc<V>
where
    K: Eq + Hash,
    Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
{
    match cache.get_or_insert_with(key, || Ok::<_, Infallible>(Arc::new(make()))) {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl Default for Endpoints {
    /// As many requests at once as the limit of descriptors allows.
    fn default() -> Self {
        Self::new(requests_at_once())
    }
}

impl Endpoints {
    /// Endpoints to which the process makes at most so many requests at once. Three quarters of them may hang.
    pub(crate) fn new(at_once: usize) -> Self {
        let hanging = (at_once * 3 / 4).max(1);
        let at_most = |most: usize, size: Size| {
            let share = |requests: usize| requests.min(most).max(1);
            Size { start: share(size.start), most: share(size.most), least: share(size.least) }
        };
        // The reserved places are an eighth of the others.
        let with_reserved = |all: usize| {
            let common = (all - all / 9).max(1);
            Size { start: common, most: common, least: common }
        };
        Self(Arc::new(Inner {
            by_url: pinned(),
            gates: pinned(),
            lanes: pinned(),
            tenants: pinned(),
            per_tenant: at_most(hanging / 4, PER_TENANT),
            owners: pinned(),
            trust: pinned(),
            per_owner: at_most(at_once / 2, PER_OWNER),
            hosts: pinned(),
            per_host: at_most(hanging / 2, PER_HOST),
            owners_hosts: pinned(),
            per_owners_host: with_reserved(at_once / 2),
            process: Arc::new(Lane::new(with_reserved(hanging))),
            in_flight: Arc::new(Semaphore::new(at_once)),
            paces: pinned(),
            limited: pinned(),
            membership: Membership::default(),
            brought: Cache::new(REMEMBERED),
        }))
    }

    /// The endpoint of a tenant's URL.
    pub(crate) fn get(&self, tenant: Tenant, url: &str) -> Arc<Endpoint> {
        get_or_make_of(&self.0.by_url, tenant, url, || self.make(tenant, url))
    }

    /// The endpoint of a tenant's URL, if it is remembered.
    pub(crate) fn known(&self, tenant: Tenant, url: &str) -> Option<Arc<Endpoint>> {
        self.0.by_url.get(&Of(tenant, url))
    }

    /// The pace of a subscription with a rate limit.
    pub(crate) fn pace(&self, id: SubscriptionId) -> Arc<Pace> {
        get_or_make(&self.0.paces, &id, Pace::new)
    }

    /// The place of this process's worker among all workers.
    pub(crate) fn membership(&self) -> &Membership {
        &self.0.membership
    }

    /// The lane of a subscription that limits its concurrent requests.
    pub(super) fn limited_lane(&self, id: SubscriptionId) -> Arc<Lane> {
        get_or_make(&self.0.limited, &id, || Lane::new(Size { start: 0, most: 0, least: 0 }))
    }

    /// All such lanes that are remembered.
    pub(super) fn limited_lanes(&self) -> impl Iterator<Item = (SubscriptionId, Arc<Lane>)> {
        self.0.limited.iter()
    }

    /// The most recently remembered endpoint of a subscriber that an event brought.
    pub(crate) fn brought(&self, id: SubscriptionId) -> Option<Arc<Endpoint>> {
        self.0.brought.get(&id)
    }

    /// Remembers the endpoint of a subscriber that an event brought.
    pub(crate) fn remember_brought(&self, id: SubscriptionId, endpoint: Arc<Endpoint>) {
        self.0.brought.insert(id, endpoint);
    }

    fn make(&self, tenant: Tenant, url: &str) -> Endpoint {
        let parsed = Url::parse(url);
        let gate = parsed.as_ref().ok().map(|parsed| self.gate(&parsed.origin().ascii_serialization()));
        let lane = get_or_make(&self.0.lanes, parsed.as_ref().map_or(url, Url::as_str), || Lane::new(PER_URL));
        let is_owner = tenant != Tenant::default();
        let trust = Trust::new(is_owner.then(|| get_or_make(&self.0.trust, &tenant, OwnerTrust::default)));
        let of_tenant = get_or_make(&self.0.tenants, &tenant, || Lane::new(self.0.per_tenant));
        let host = parsed.as_ref().ok().and_then(Url::host_str).unwrap_or_default();
        let owner = is_owner.then(|| {
            let of_owner = get_or_make(&self.0.owners, &tenant, || Lane::new(self.0.per_owner));
            let of_host = get_or_make(&self.0.owners_hosts, host, || Lane::new(self.0.per_owners_host));
            [of_owner, of_host]
        });
        let host = get_or_make(&self.0.hosts, host, || Lane::new(self.0.per_host));
        Endpoint {
            parsed,
            gate,
            lane,
            tenant: of_tenant,
            owner,
            host,
            process: Arc::clone(&self.0.process),
            in_flight: Arc::clone(&self.0.in_flight),
            is_distrusted: AtomicBool::default(),
            connections_since: AtomicI64::new(0),
            has_long_heads: AtomicBool::default(),
            trust,
            was_held: AtomicBool::default(),
            held_here: HeldHere::default(),
            failures: Failures::default(),
            throttle: Throttle::default(),
            kept: AtomicU64::new(0),
        }
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

    fn tenant(name: &str) -> Tenant {
        Tenant::of(Some(name))
    }

    #[test]
    fn a_url_has_one_endpoint_and_an_origin_one_gate() {
        let endpoints = Endpoints::default();
        let one = endpoints.get(tenant("alice"), "https://a.example/x");
        assert!(Arc::ptr_eq(&one, &endpoints.get(tenant("alice"), "https://a.example/x")));
        let other = endpoints.get(tenant("alice"), "https://a.example/y");
        assert!(!Arc::ptr_eq(&one, &other));
        let gate = |endpoint: &Endpoint| endpoint.gate.clone().unwrap();
        assert!(Arc::ptr_eq(&gate(&one), &gate(&other)));
        assert!(!Arc::ptr_eq(&gate(&one), &gate(&endpoints.get(tenant("alice"), "https://a.example:8443/x"))));
        assert!(endpoints.get(tenant("alice"), "nowhere").gate.is_none());
        assert!(endpoints.known(tenant("alice"), "https://b.example/").is_none());
    }

    #[test]
    fn all_spellings_of_a_url_share_one_lane() {
        let endpoints = Endpoints::default();
        let one = endpoints.get(tenant("alice"), "https://a.example/x");
        for other in ["HTTPS://A.Example:443/x", "https://a.example/y/../x", "https://a.example/./x"] {
            let other = endpoints.get(tenant("alice"), other);
            assert!(Arc::ptr_eq(&one.lane, &other.lane), "{other:?}");
        }
        assert!(!Arc::ptr_eq(&one.lane, &endpoints.get(tenant("alice"), "https://a.example/X").lane));
    }

    #[test]
    fn an_endpoint_in_use_keeps_its_bounds_however_many_others_come() {
        let endpoints = Endpoints::default();
        let held = endpoints.get(tenant("alice"), "https://held.example/");
        let (lane, gate) = (held.lane.clone(), held.gate.clone().unwrap());
        for n in 0..REMEMBERED * 3 {
            endpoints.get(tenant("alice"), &format!("https://host-{n}.example/"));
        }
        let again = endpoints.get(tenant("alice"), "https://held.example/");
        assert!(Arc::ptr_eq(&lane, &again.lane) && Arc::ptr_eq(&gate, again.gate.as_ref().unwrap()));
        assert!(endpoints.0.by_url.len() <= REMEMBERED + 1, "{endpoints:?}");
    }
}
