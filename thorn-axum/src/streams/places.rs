//! Bounds on the streams and long polls that are open at once.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use thorn_core::Config;

use crate::http::network;

/// The places for streams and long polls of one router.
#[derive(Debug)]
pub(super) struct Places {
    process: usize,
    per_caller: usize,
    per_source: Option<usize>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_caller: HashMap<Arc<str>, usize>,
    by_source: HashMap<IpAddr, usize>,
}

/// A taken place. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    caller: Arc<str>,
    source: Option<IpAddr>,
}

/// The bound that leaves no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Process,
    Caller,
    Source,
}

impl Places {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            process: config.streams,
            per_caller: config.streams_per_caller,
            per_source: config.streams_per_source,
            taken: Mutex::default(),
        }
    }

    /// Takes a place for a caller, whose address may be unknown.
    pub(super) fn take(self: &Arc<Self>, caller: &str, source: Option<IpAddr>) -> Result<Place, Full> {
        let source = source.map(network);
        let mut taken = self.taken();
        if taken.all >= self.process {
            return Err(Full::Process);
        }
        if taken.by_caller.get(caller).is_some_and(|count| *count >= self.per_caller) || self.per_caller == 0 {
            return Err(Full::Caller);
        }
        if let (Some(source), Some(most)) = (source, self.per_source)
            && taken.by_source.get(&source).copied().unwrap_or_default() >= most
        {
            return Err(Full::Source);
        }
        let caller: Arc<str> = caller.into();
        taken.all += 1;
        *taken.by_caller.entry(caller.clone()).or_default() += 1;
        if let Some(source) = source {
            *taken.by_source.entry(source).or_default() += 1;
        }
        drop(taken);
        Ok(Place { places: self.clone(), caller, source })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        give_back(&mut taken.by_caller, &self.caller);
        if let Some(source) = &self.source {
            give_back(&mut taken.by_source, source);
        }
    }
}

fn give_back<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
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

    fn places(process: usize, per_caller: usize, per_source: Option<usize>) -> Arc<Places> {
        let config = Config {
            streams: process,
            streams_per_caller: per_caller,
            streams_per_source: per_source,
            ..Config::default()
        };
        Arc::new(Places::new(&config))
    }

    #[test]
    fn st12_each_bound_holds_and_a_place_is_free_once_it_is_dropped() {
        let source = |text: &str| Some(text.parse().unwrap());
        let places = places(4, 2, Some(3));
        let first = places.take("a", source("10.0.0.1")).unwrap();
        let _second = places.take("a", source("10.0.0.1")).unwrap();
        assert_eq!(places.take("a", source("10.0.0.2")).unwrap_err(), Full::Caller);
        let _third = places.take("b", source("::ffff:10.0.0.1")).unwrap();
        assert_eq!(places.take("b", source("10.0.0.1")).unwrap_err(), Full::Source);
        let _fourth = places.take("b", source("10.0.0.2")).unwrap();
        assert_eq!(places.take("c", None).unwrap_err(), Full::Process);
        drop(first);
        let _fifth = places.take("a", None).unwrap();
        assert_eq!(places.taken().by_caller.len(), 2);
    }

    #[test]
    fn st12_a_network_of_ipv6_counts_as_one_source() {
        let places = places(10, 10, Some(1));
        let _one = places.take("a", Some("2001:db8::1".parse().unwrap())).unwrap();
        assert_eq!(places.take("b", Some("2001:db8::2".parse().unwrap())).unwrap_err(), Full::Source);
        let _other = places.take("b", Some("2001:db8:0:1::1".parse().unwrap())).unwrap();
    }
}
