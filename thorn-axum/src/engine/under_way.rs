//! Idempotency keys of requests under way in this process.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use thorn_core::{ApiKeyId, idempotency::IdempotencyKey};

/// The keys in use, each with the API key that it belongs to.
#[derive(Clone, Default)]
pub(super) struct UnderWay(Arc<Mutex<HashSet<(ApiKeyId, IdempotencyKey)>>>);

/// A key in use. Dropping it lets the next request use the key.
pub(super) struct Use {
    under_way: UnderWay,
    key: (ApiKeyId, IdempotencyKey),
}

impl UnderWay {
    /// Takes the key into use, unless it is.
    pub(super) fn begin(&self, api_key: ApiKeyId, key: IdempotencyKey) -> Option<Use> {
        let key = (api_key, key);
        self.keys().insert(key.clone()).then(|| Use { under_way: self.clone(), key })
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<(ApiKeyId, IdempotencyKey)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Use {
    pub(super) fn key(&self) -> (ApiKeyId, &IdempotencyKey) {
        (self.key.0, &self.key.1)
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.under_way.keys().remove(&self.key);
    }
}
