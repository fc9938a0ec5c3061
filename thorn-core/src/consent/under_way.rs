//! Bounds on the endpoints that are being asked at once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::tenant::Tenant;

/// Endpoints that a process asks at once.
const PROCESS: usize = 64;

/// With so many under way, an owner gets a further one only if none of the owner's is.
const CROWD: usize = 32;

/// Endpoints that it asks at once for one owner.
const PER_TENANT: usize = 8;

/// Requests that it makes at once to one host, or to one host for one owner.
const PER_HOST: usize = 4;

/// The requests under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    tenants: HashMap<Tenant, usize>,
    hosts: HashMap<Box<str>, usize>,
}

/// A request under way. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    under_way: UnderWay,
    tenant: Tenant,
    host: Box<str>,
}

impl UnderWay {
    /// Begins a request, unless a bound is reached.
    pub(crate) fn begin(&self, tenant: Tenant, host: &str) -> Option<Place> {
        let mut counts = self.counts();
        let of_tenant = counts.tenants.get(&tenant).copied().unwrap_or_default();
        let of_host = counts.hosts.get(host).copied().unwrap_or_default();
        let is_crowded = counts.all >= CROWD && of_tenant > 0;
        if is_crowded || counts.all >= PROCESS || of_tenant >= PER_TENANT || of_host >= PER_HOST {
            return None;
        }
        counts.all += 1;
        *counts.tenants.entry(tenant).or_default() += 1;
        *counts.hosts.entry(host.into()).or_default() += 1;
        Some(Place { under_way: self.clone(), tenant, host: host.into() })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.under_way.counts();
        counts.all -= 1;
        give_back(&mut counts.tenants, &self.tenant);
        give_back(&mut counts.hosts, &self.host);
    }
}

fn give_back<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ce8_each_bound_holds_and_a_place_is_free_once_it_is_dropped() {
        let under_way = UnderWay::default();
        let tenant = |n: usize| Tenant::of(Some(&n.to_string()));
        let taken = |count: usize, place: &dyn Fn(usize) -> (Tenant, String)| {
            let places = (0..count).map_while(|n| {
                let (tenant, host) = place(n);
                under_way.begin(tenant, &host)
            });
            places.collect::<Vec<_>>()
        };
        assert_eq!(taken(100, &|n| (tenant(n), "one.example".into())).len(), PER_HOST);
        assert_eq!(taken(100, &|n| (tenant(0), n.to_string())).len(), PER_TENANT);
        assert_eq!(taken(100, &|n| (tenant(n), n.to_string())).len(), PROCESS);
        let few = PER_TENANT / 2;
        let crowd: Vec<_> = (0..CROWD).map(|n| under_way.begin(tenant(n / few), &n.to_string()).unwrap()).collect();
        assert!(under_way.begin(tenant(0), "another of alice's").is_none());
        assert!(under_way.begin(tenant(CROWD), "bob's").is_some(), "a few owners don't take all that there is");
        drop(crowd);
        let counts = under_way.counts();
        assert!(counts.all == 0 && counts.tenants.is_empty() && counts.hosts.is_empty());
    }
}
