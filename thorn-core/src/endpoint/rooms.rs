//! The room that lanes have left while a turn of the relay is planned.

use std::{collections::HashMap, sync::Arc};

use super::{Endpoint, lane::Lane, limited::Limited, throttle::AHEAD};

/// How many more deliveries each lane takes, less those that are planned already. The key is the lane's address.
#[derive(Debug, Default)]
pub(crate) struct Rooms(HashMap<usize, usize>);

impl Rooms {
    /// How many more deliveries the endpoint takes, and the lane of the subscription, if it has a limit.
    pub(crate) fn of(&self, endpoint: &Endpoint, limited: Option<&Limited>) -> usize {
        let room = |lane: &Arc<Lane>| self.0.get(&Arc::as_ptr(lane).addr()).copied().unwrap_or_else(|| lane.room());
        let most = match endpoint.wary_lane() {
            _ if endpoint.slowed_until().is_some() => 0,
            Some(_) => AHEAD,
            None => usize::MAX,
        };
        lanes(endpoint, limited).map(room).min().unwrap_or_default().min(most)
    }

    /// Plans one delivery.
    pub(crate) fn take(&mut self, endpoint: &Endpoint, limited: Option<&Limited>) {
        for lane in lanes(endpoint, limited) {
            let room = self.0.entry(Arc::as_ptr(lane).addr()).or_insert_with(|| lane.room());
            *room = room.saturating_sub(1);
        }
    }
}

fn lanes<'a>(endpoint: &'a Endpoint, limited: Option<&'a Limited>) -> impl Iterator<Item = &'a Arc<Lane>> {
    endpoint.lanes().chain(limited.map(|Limited(lane)| lane))
}
