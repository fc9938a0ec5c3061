//! How many deliveries each sender had recently.

use std::{collections::HashMap, mem, time::Duration};

use tokio::time::Instant;

use crate::tenant::Tenant;

/// Deliveries count as recent for this long, and for at most twice as long.
pub(super) const RECENT: Duration = Duration::from_millis(2_500);

/// How many deliveries each sender had recently.
#[derive(Debug)]
pub(super) struct Recent {
    since: Instant,
    now: HashMap<Tenant, usize>,
    before: HashMap<Tenant, usize>,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), now: HashMap::new(), before: HashMap::new() }
    }

    pub(super) fn add(&mut self, sender: Tenant, deliveries: usize) {
        let age = self.since.elapsed();
        if age >= RECENT {
            self.before = mem::take(&mut self.now);
            if age >= RECENT * 2 {
                self.before.clear();
            }
            self.since = Instant::now();
        }
        *self.now.entry(sender).or_default() += deliveries;
    }

    pub(super) fn of(&self, sender: Tenant) -> usize {
        let in_map = |map: &HashMap<Tenant, usize>| map.get(&sender).copied().unwrap_or_default();
        match self.since.elapsed() {
            age if age >= RECENT * 2 => 0,
            age if age >= RECENT => in_map(&self.now),
            _ => in_map(&self.now) + in_map(&self.before),
        }
    }
}
