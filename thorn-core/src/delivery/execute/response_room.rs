//! Room in memory for responses that are kept whole, from the request until their record is committed.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{attempt::spread_pause, process, tenant::Tenant, timestamp::Timestamp};

/// Bytes that the kept responses of a process may take: 64 MiB.
const BYTES: usize = 64 * 1024 * 1024;

/// Responses that a process can keep at once at least, however large one may be.
const FEWEST: usize = 4;

/// Responses that a process can keep at once at most.
const MOST: usize = 256;

/// Wait of a delivery that finds no room.
const WAIT: Duration = Duration::from_millis(250);

/// The room of this process.
static ROOMS: LazyLock<Rooms> = LazyLock::new(Rooms::default);

/// The rooms that are taken, by tenant.
#[derive(Debug, Default)]
struct Rooms(Mutex<HashMap<Tenant, usize>>);

/// Room for one response. Dropping it frees the room.
#[derive(Debug)]
pub(super) struct ResponseRoom {
    rooms: &'static Rooms,
    tenant: Tenant,
    /// The bytes that the response may have.
    pub(super) bytes: usize,
}

impl ResponseRoom {
    /// Room for a response of `max_payload_bytes`, unless all of it is taken. One tenant gets half of it.
    pub(super) fn take(tenant: Tenant) -> Option<Self> {
        ROOMS.take(tenant, process::settings().max_payload_bytes)
    }
}

/// When a delivery that finds no room is tried again.
pub(super) fn next_try() -> Timestamp {
    Timestamp::now() + spread_pause(WAIT, rand::random())
}

impl Drop for ResponseRoom {
    fn drop(&mut self) {
        let mut taken = self.rooms.taken();
        if let Some(count) = taken.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

impl Rooms {
    fn take(&'static self, tenant: Tenant, bytes: usize) -> Option<ResponseRoom> {
        let rooms = (BYTES / bytes.max(1)).clamp(FEWEST, MOST);
        let mut taken = self.taken();
        let own = taken.get(&tenant).copied().unwrap_or_default();
        // There are few tenants, since each has taken at least one room.
        if taken.values().sum::<usize>() >= rooms || own >= rooms / 2 {
            return None;
        }
        taken.insert(tenant, own + 1);
        Some(ResponseRoom { rooms: self, tenant, bytes })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Tenant, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn di22_kept_responses_take_bounded_memory_and_one_owner_half_of_it() {
        static ROOMS: LazyLock<Rooms> = LazyLock::new(Rooms::default);
        let [alice, bob] = ["alice", "bob"].map(|owner| Tenant::of(Some(owner)));
        let taken = |tenant, bytes| std::iter::from_fn(|| ROOMS.take(tenant, bytes)).collect::<Vec<_>>();
        for (bytes, rooms) in [(1024 * 1024, 64), (1024, 256), (1024 * 1024 * 1024, 4), (0, 256)] {
            let hers = taken(alice, bytes);
            let his = taken(bob, bytes);
            assert_eq!((hers.len(), his.len()), (rooms / 2, rooms / 2), "{bytes}");
            assert!(ROOMS.take(Tenant::default(), bytes).is_none());
            drop(hers);
            assert!(ROOMS.take(Tenant::default(), bytes).is_some_and(|room| room.bytes == bytes));
        }
        assert!(ROOMS.taken().is_empty());
    }
}
