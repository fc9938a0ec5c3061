//! Callers who wait for the first attempt of a delivery, which a worker of any process makes.
//!
//! One query asks for all of them at once, so a caller who waits costs a row of its result.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use thorn_core::{ApiKeyId, DeliveryId, Thorn};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

/// Callers with one key who may wait at once.
const PER_KEY: usize = 16;

/// Callers who may wait at once in this process.
const MOST: usize = 128;

/// The pause between two queries. A slow database gets a pause as long as its answer took.
const PAUSE: Duration = Duration::from_millis(20);

/// Everybody who waits.
#[derive(Clone, Default)]
pub(super) struct FirstAttempts(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    callers: HashMap<u64, Caller>,
    /// The number of the latest one.
    latest: u64,
    is_asking: bool,
}

struct Caller {
    key: ApiKeyId,
    delivery: DeliveryId,
    attempted: oneshot::Sender<()>,
}

/// The place of somebody who waits. Dropping it makes it free.
struct Place {
    of: FirstAttempts,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.waiting().callers.remove(&self.number);
    }
}

impl FirstAttempts {
    /// Waits until the first attempt is recorded, at most for this time. Returns `false` if it isn't, or if too many
    /// wait already.
    pub(super) async fn wait(&self, thorn: &Thorn, key: ApiKeyId, delivery: DeliveryId, time: Duration) -> bool {
        let (attempted, is_attempted) = oneshot::channel();
        let Some((_place, begins)) = self.enter(Caller { key, delivery, attempted }) else { return false };
        if begins {
            tokio::spawn(self.clone().ask(thorn.clone()));
        }
        matches!(timeout(time, is_attempted).await, Ok(Ok(())))
    }

    /// A place for the caller, unless there is none. Tells whether nobody asks the database yet.
    fn enter(&self, caller: Caller) -> Option<(Place, bool)> {
        let mut waiting = self.waiting();
        let of_key = waiting.callers.values().filter(|other| other.key == caller.key).count();
        if waiting.callers.len() >= MOST || of_key >= PER_KEY {
            return None;
        }
        waiting.latest += 1;
        let number = waiting.latest;
        waiting.callers.insert(number, caller);
        let begins = !std::mem::replace(&mut waiting.is_asking, true);
        Some((Place { of: self.clone(), number }, begins))
    }

    /// Asks the database for all callers, as long as somebody waits.
    async fn ask(self, thorn: Thorn) {
        while let Some(deliveries) = self.awaited() {
            let began = Instant::now();
            match thorn.history().attempted(&deliveries).await {
                Ok(attempted) => self.tell(|delivery| attempted.contains(&delivery)),
                Err(error) => tracing::warn!(%error, "can't ask whether deliveries were attempted; asking again"),
            }
            sleep(PAUSE.max(began.elapsed())).await;
        }
    }

    /// The deliveries that callers wait for. If nobody waits, whoever comes next asks.
    fn awaited(&self) -> Option<Vec<DeliveryId>> {
        let mut waiting = self.waiting();
        waiting.is_asking = !waiting.callers.is_empty();
        waiting.is_asking.then(|| waiting.callers.values().map(|caller| caller.delivery).collect())
    }

    fn tell(&self, is_attempted: impl Fn(DeliveryId) -> bool) {
        let told = self.waiting().callers.extract_if(|_, caller| is_attempted(caller.delivery)).collect::<Vec<_>>();
        for (_, caller) in told {
            // A caller who has gone doesn't need it.
            let _ = caller.attempted.send(());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use thorn_core::{EventId, SubscriptionId};

    use super::*;

    fn caller(key: ApiKeyId) -> (Caller, oneshot::Receiver<()>) {
        let (attempted, receiver) = oneshot::channel();
        let delivery = DeliveryId::derive(EventId::generate(), SubscriptionId::generate());
        (Caller { key, delivery, attempted }, receiver)
    }

    #[test]
    fn di23_a_bounded_number_waits_for_each_key_and_in_all() {
        let all = FirstAttempts::default();
        let enter = |key| all.enter(caller(key).0).map(|(place, _)| place);
        let keys: Vec<_> = (0..=MOST / PER_KEY).map(|_| ApiKeyId::generate()).collect();
        let mut places: Vec<_> = keys[1..].iter().flat_map(|key| [*key; PER_KEY]).map(enter).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(enter(keys[0]).is_none(), "all places are taken");
        places.pop();
        let one = enter(keys[1]);
        assert!(one.is_none(), "the key has its part");
        assert!(enter(keys[0]).is_some());
    }

    #[test]
    fn di23_one_task_asks_for_all_and_ends_with_the_last_of_them() {
        let all = FirstAttempts::default();
        let ((one, mut told), (other, mut untold)) = (caller(ApiKeyId::generate()), caller(ApiKeyId::generate()));
        let delivery = one.delivery;
        let (first, begins) = all.enter(one).unwrap();
        let (second, begins_too) = all.enter(other).unwrap();
        assert!(begins && !begins_too);
        assert_eq!(all.awaited().unwrap().len(), 2);
        all.tell(|attempted| attempted == delivery);
        assert!(told.try_recv().is_ok() && untold.try_recv().is_err());
        drop((first, second));
        assert_eq!(all.awaited(), None);
        assert!(all.enter(caller(ApiKeyId::generate()).0).unwrap().1, "somebody must ask again");
    }
}
