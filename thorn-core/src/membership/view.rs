//! The workers that one of them counts as alive.

use sea_orm::prelude::Uuid;
use sha2::{Digest as _, Sha256};

use crate::id::SubscriptionId;

/// The ids of the workers that count as alive, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View(Vec<Uuid>);

impl View {
    pub(crate) fn of(workers: impl IntoIterator<Item = Uuid>) -> Self {
        let mut workers: Vec<_> = workers.into_iter().collect();
        workers.sort_unstable();
        Self(workers)
    }

    /// A hash by which workers tell whether they count the same.
    pub(super) fn fingerprint(&self) -> i64 {
        let hash = self.0.iter().fold(Sha256::new(), |hash, id| hash.chain_update(id.as_bytes()));
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash.finalize()[..8]);
        i64::from_be_bytes(bytes)
    }

    /// How much of a subscription's limit a worker gets: at least 1, even if there are more workers than that, and all
    /// of them together get no more than the limit otherwise. A worker that isn't among them gets nothing.
    pub(super) fn share(&self, worker: Uuid, subscription: SubscriptionId, limit: usize) -> usize {
        let Ok(place) = self.0.binary_search(&worker) else { return 0 };
        let workers = self.0.len();
        // The remainder goes to some of them, to others for each subscription.
        let turn = subscription.as_uuid().as_u128() % workers as u128;
        let place = (place + usize::try_from(turn).unwrap_or(0)) % workers;
        (limit / workers + usize::from(place < limit % workers)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_all_workers_are_the_limit_or_one_for_each() {
        for workers in 1..=9 {
            let ids: Vec<_> = (0..workers).map(|_| Uuid::now_v7()).collect();
            let view = View::of(ids.iter().rev().copied());
            for limit in 1..=64 {
                let subscription = SubscriptionId::generate();
                let shares: Vec<_> = ids.iter().map(|id| view.share(*id, subscription, limit)).collect();
                assert_eq!(shares.iter().sum::<usize>(), limit.max(workers), "{shares:?}");
                assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
            }
            assert_eq!(view.share(Uuid::now_v7(), SubscriptionId::generate(), 64), 0);
        }
    }

    #[test]
    fn the_remainder_goes_to_another_worker_for_another_subscription() {
        let ids = [1, 2].map(Uuid::from_u128);
        let view = View::of(ids);
        let of = |n| ids.map(|id| view.share(id, SubscriptionId::from_uuid(Uuid::from_u128(n)), 3));
        assert_eq!([of(4), of(5)], [[2, 1], [1, 2]]);
    }

    #[test]
    fn the_same_workers_have_the_same_fingerprint_and_others_another() {
        let ids = [1, 2, 3].map(Uuid::from_u128);
        let view = View::of(ids);
        assert_eq!(view.fingerprint(), View::of([ids[2], ids[0], ids[1]]).fingerprint());
        assert_ne!(view.fingerprint(), View::of([ids[0], ids[1]]).fingerprint());
    }
}
