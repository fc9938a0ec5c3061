//! Chooses among due deliveries: each tenant gets its turn, then each of its subscriptions, and only lanes with room take
//! more. So a tenant with many subscriptions gets no more than one with a single one, while both have due deliveries.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
};

use sea_orm::prelude::Uuid;

use super::{Progress, Relay, waiting::Due};
use crate::{
    endpoint::{Endpoint, Limited, Rooms},
    error::Error,
    id::SubscriptionId,
    subscription::{Hold, HoldStage, Rate},
    tenant::Tenant,
    timestamp::Timestamp,
};

/// How many of the oldest due deliveries a turn looks at.
const WINDOW: usize = 1_000;

/// The most deliveries of one turn.
const PER_TURN: usize = 500;

/// Steps of the round robin in one turn.
const STEPS: usize = 8;

/// Subscriptions of one step.
const SUBSCRIPTIONS_PER_STEP: usize = 32;

/// Deliveries of a subscription that one step reads.
const DELIVERIES_PER_STEP: usize = 16;

/// The deliveries of one turn.
#[derive(Default)]
pub(super) struct Picked {
    pub(super) rows: Vec<Due>,
    /// Whether a delivery was left because its lane is full.
    pub(super) left: bool,
    /// The room left in each lane.
    rooms: Rooms,
    /// How many more deliveries the rates of subscriptions let through.
    paced: HashMap<SubscriptionId, usize>,
}

impl Relay {
    /// Picks due deliveries: of the oldest, one for each tenant, then a second for each, and so on. Those of one tenant are
    /// in turn of its subscriptions.
    ///
    /// If more are due than one turn looks at, the round robin finds those behind the oldest ones, so that
    /// no subscription's backlog hides another's deliveries.
    pub(super) async fn pick(&self, now: Timestamp, progress: &mut Progress) -> Result<Picked, Error> {
        let mut picked = Picked::default();
        let oldest = self.oldest_due(now, WINDOW).await?;
        if oldest.is_empty() {
            return Ok(picked);
        }
        self.registry.refresh(&self.db).await?;
        self.registry.check_readable()?;
        let is_full = oldest.len() == WINDOW;
        let seen: HashSet<Uuid> = oldest.iter().map(|row| row.subscription_id).collect();
        let share = if is_full { PER_TURN / 2 } else { PER_TURN };
        let oldest = self.without_held(oldest, now, &mut progress.probes, is_full).await?;
        for row in self.in_turns(oldest, progress.last_tenant) {
            if picked.rows.len() == share {
                break;
            }
            self.take(row, &mut picked);
        }
        if is_full {
            self.round_robin(now, progress, &seen, &mut picked).await?;
            // The queue may have room for few of them.
            picked.rows = self.in_turns(mem::take(&mut picked.rows), progress.last_tenant);
        }
        Ok(picked)
    }

    /// Picks from subscriptions that aren't among the oldest, beginning where the last turn ended.
    async fn round_robin(
        &self,
        now: Timestamp,
        progress: &mut Progress,
        seen: &HashSet<Uuid>,
        picked: &mut Picked,
    ) -> Result<(), Error> {
        for _ in 0..STEPS {
            let most = (PER_TURN - picked.rows.len()) / SUBSCRIPTIONS_PER_STEP;
            if most == 0 {
                break;
            }
            let found = self.subscriptions_after(progress.cursor, SUBSCRIPTIONS_PER_STEP).await?;
            let is_end = found.len() < SUBSCRIPTIONS_PER_STEP;
            progress.cursor = found.last().copied().filter(|_| !is_end).unwrap_or_default();
            let hidden = found.into_iter().filter(|id| !seen.contains(id));
            let of: Vec<_> = hidden
                .map(|id| (id, most.min(DELIVERIES_PER_STEP).min(self.room(id, now, picked))))
                .filter(|(_, most)| *most > 0)
                .collect();
            if !of.is_empty() {
                let due = self.due_of(&of, now).await?;
                for row in self.without_held(due, now, &mut progress.probes, false).await? {
                    self.take(row, picked);
                }
            }
            if is_end {
                break;
            }
        }
        Ok(())
    }

    fn take(&self, row: Due, picked: &mut Picked) {
        let id = SubscriptionId::from_uuid(row.subscription_id);
        if let Some(rate) = self.rate(id) {
            let room = picked.paced.entry(id).or_insert_with(|| self.registry.endpoints().pace(id).room(rate));
            if *room == 0 {
                picked.left = true;
                return;
            }
        }
        // A process without a share in a limit leaves the delivery to others, and needn't look again soon.
        let Ok(limited) = self.limited(id) else { return };
        if let Some(endpoint) = self.endpoint(row.subscription_id) {
            if picked.rooms.of(&endpoint, limited.as_ref()) == 0 {
                picked.left = true;
                return;
            }
            picked.rooms.take(&endpoint, limited.as_ref());
        }
        if let Some(room) = picked.paced.get_mut(&id) {
            *room -= 1;
        }
        picked.rows.push(row);
    }

    /// How many deliveries of the subscription are worth reading: as many as the lanes of its endpoint would let through. If
    /// its hold is over, all that are read may be the probe.
    fn room(&self, id: Uuid, now: Timestamp, picked: &Picked) -> usize {
        let Ok(limited) = self.limited(SubscriptionId::from_uuid(id)) else { return 0 };
        let room = self.endpoint(id).map_or(usize::MAX, |endpoint| picked.rooms.of(&endpoint, limited.as_ref()));
        match self.hold(SubscriptionId::from_uuid(id)) {
            Some(hold) if hold.stage(now) != HoldStage::Over => 0,
            Some(_) if room > 0 => DELIVERIES_PER_STEP,
            _ => room,
        }
    }

    /// The lane of the subscription, if it limits its requests. Fails if this process may make none.
    pub(super) fn limited(&self, id: SubscriptionId) -> Result<Option<Limited>, Timestamp> {
        match self.registry.get(id).and_then(|one| one.spec.max_in_flight) {
            Some(limit) => self.registry.endpoints().limited(id, limit).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn hold(&self, id: SubscriptionId) -> Option<Hold> {
        self.registry.get(id)?.held.as_deref().cloned()
    }

    fn rate(&self, id: SubscriptionId) -> Option<Rate> {
        self.registry.get(id)?.spec.rate
    }

    /// The subscription's endpoint. `None` if the subscription was deleted, or if an event brought it that hasn't been
    /// seen before: its event is read.
    fn endpoint(&self, id: Uuid) -> Option<Arc<Endpoint>> {
        let id = SubscriptionId::from_uuid(id);
        let endpoints = self.registry.endpoints();
        match self.registry.get(id) {
            Some(one) => Some(endpoints.get(Tenant::of(one.owner.as_deref()), &one.spec.destination.url)),
            None => endpoints.brought(id),
        }
    }

    /// The deliveries in turn: one for each tenant, then the second for each, and so on. In each round, the tenant after
    /// `last` comes first. A tenant's deliveries are in turn of its subscriptions, and the oldest come first.
    fn in_turns(&self, rows: Vec<Due>, last: Tenant) -> Vec<Due> {
        let mut subscriptions = HashMap::new();
        let mut placed: Vec<_> = rows
            .into_iter()
            .map(|row| {
                let id = row.subscription_id;
                let (tenant, places) = subscriptions.entry(id).or_insert_with(|| (self.tenant(id), 0_u32));
                *places += 1;
                (*places, *tenant, row)
            })
            .collect();
        placed.sort_by_key(|(place, ..)| *place);
        let mut tenants: HashMap<Tenant, u32> = HashMap::new();
        for (place, tenant, _) in &mut placed {
            let places = tenants.entry(*tenant).or_default();
            *places += 1;
            *place = *places;
        }
        placed.sort_by_key(|(place, tenant, _)| (*place, tenant.turns_after(last)));
        placed.into_iter().map(|(.., row)| row).collect()
    }

    /// For whom the subscription's deliveries are made. The operator, if it was deleted or an event brought it.
    pub(super) fn tenant(&self, id: Uuid) -> Tenant {
        let subscription = self.registry.get(SubscriptionId::from_uuid(id));
        subscription.map(|one| Tenant::of(one.owner.as_deref())).unwrap_or_default()
    }
}
