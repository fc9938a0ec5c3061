//! State of each address that requests come from.

use std::{
    net::IpAddr,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;

use crate::http::network;

/// Sources that are remembered. The one that was quiet for longest is forgotten first.
const SOURCES: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// A state for each source. All callers without an address are one source.
#[derive(Debug)]
pub(super) struct PerSource<T>(Mutex<LruCache<Option<IpAddr>, T>>);

impl<T> Default for PerSource<T> {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(SOURCES)))
    }
}

impl<T> PerSource<T> {
    /// Changes the state of a source, which is `new` if it isn't remembered.
    pub(super) fn change<R>(
        &self,
        source: Option<IpAddr>,
        new: impl FnOnce() -> T,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(sources.get_or_insert_mut(source.map(network), new))
    }

    /// The number of sources that are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
