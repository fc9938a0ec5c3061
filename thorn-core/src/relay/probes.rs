//! Chooses the deliveries that probe endpoints whose holds are over.
//!
//! The first probe is the oldest delivery. After a failed one another delivery is next, because an event that the receiver
//! always refuses must not hold an endpoint that works. A delivery that has failed as a probe comes after all that haven't.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sea_orm::prelude::Uuid;

use super::{Relay, waiting::Due};
use crate::{
    error::Error,
    id::SubscriptionId,
    subscription::{Hold, HoldStage},
    timestamp::Timestamp,
};

/// After this time, a relay picks another probe, in case the first one's task was lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// Deliveries of a subscription that are read besides, if more are due than a turn looks at.
const READ: usize = 16;

/// Subscriptions of which that many are read in one turn.
const SUBSCRIPTIONS: usize = 32;

/// The probes that a relay has picked a moment ago: whether they have begun isn't known yet.
#[derive(Debug, Default)]
pub(super) struct Probes(HashMap<Uuid, (Timestamp, Instant)>);

impl Probes {
    fn forget_old(&mut self) {
        self.0.retain(|_, (_, picked)| picked.elapsed() < PATIENCE);
    }

    /// Whether a probe of this hold was picked a moment ago.
    fn has(&self, subscription: Uuid, hold: &Hold) -> bool {
        self.0.get(&subscription).is_some_and(|(until, _)| *until == hold.until)
    }

    /// Remembers that the relay has put a probe of this hold on the queue.
    pub(super) fn picked(&mut self, subscription: Uuid, hold: &Hold) {
        self.0.insert(subscription, (hold.until, Instant::now()));
    }
}

impl Relay {
    /// Leaves out what is held: of a subscription whose hold is over, only the delivery that is to be the probe stays. The
    /// others stay as they are in the table, and the relay needn't look again soon, as it does for a full lane.
    ///
    /// With `read_more`, the rows may not be all that are due, and more of these subscriptions are read.
    pub(super) async fn without_held(
        &self,
        rows: Vec<Due>,
        now: Timestamp,
        probes: &mut Probes,
        read_more: bool,
    ) -> Result<Vec<Due>, Error> {
        probes.forget_old();
        let mut candidates: HashMap<Uuid, Due> = HashMap::new();
        let mut places = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.subscription_id;
            match self.hold(SubscriptionId::from_uuid(id)) {
                None => places.push(Ok(row)),
                Some(hold) if hold.stage(now) != HoldStage::Over || probes.has(id, &hold) => {}
                Some(_) => {
                    if !candidates.contains_key(&id) {
                        places.push(Err(id));
                    }
                    consider(&mut candidates, row);
                }
            }
        }
        if read_more && !candidates.is_empty() {
            let of: Vec<_> = candidates.keys().take(SUBSCRIPTIONS).map(|id| (*id, READ)).collect();
            for row in self.due_of(&of, now).await? {
                consider(&mut candidates, row);
            }
        }
        let placed = places.into_iter().filter_map(|place| place.map_or_else(|id| candidates.remove(&id), Some));
        Ok(placed.collect())
    }
}

/// Keeps the better one of a subscription's candidates: the one that has failed least often as a probe, and then the older.
fn consider(candidates: &mut HashMap<Uuid, Due>, row: Due) {
    // The ids of events sort by time.
    let rank = |row: &Due| (row.uncounted, row.event_id, row.id);
    match candidates.get(&row.subscription_id) {
        Some(present) if rank(present) <= rank(&row) => {}
        _ => drop(candidates.insert(row.subscription_id, row)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(n: u128, uncounted: i32) -> Due {
        Due {
            id: Uuid::from_u128(n),
            event_id: Uuid::from_u128(n),
            subscription_id: Uuid::from_u128(1),
            attempts: uncounted,
            uncounted,
            next_attempt_at: 0,
        }
    }

    fn chosen(rows: impl IntoIterator<Item = Due>) -> u128 {
        let mut candidates = HashMap::new();
        rows.into_iter().for_each(|row| consider(&mut candidates, row));
        candidates.into_values().next().unwrap().event_id.as_u128()
    }

    #[test]
    fn the_oldest_probes_first_and_one_that_has_failed_as_a_probe_comes_last() {
        assert_eq!(chosen([due(7, 0), due(5, 0), due(6, 0)]), 5);
        assert_eq!(chosen([due(5, 1), due(7, 0), due(6, 0)]), 6);
        assert_eq!(chosen([due(5, 2), due(6, 1), due(7, 1)]), 6, "all have failed");
    }

    #[test]
    fn a_relay_picks_one_probe_of_a_hold_and_one_of_the_next() {
        let hold = |until| Hold { until: Timestamp::from_millis(until), step: 1, probed_until: None, cause: None };
        let (mut probes, id) = (Probes::default(), Uuid::from_u128(1));
        assert!(!probes.has(id, &hold(1)));
        probes.picked(id, &hold(1));
        assert!(probes.has(id, &hold(1)) && !probes.has(id, &hold(2)));
        probes.forget_old();
        assert!(probes.has(id, &hold(1)), "its task may be on the queue");
    }
}
