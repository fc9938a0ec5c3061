//! Choosing among what is due: whose turn it is, and whose lane has room.

use std::collections::{HashMap, HashSet};

use sea_orm::{FromQueryResult, Value, prelude::Uuid};

use super::{Progress, Relay, round_robin as hop};
use crate::{db::statement, error::Error, id::SubscriptionId, timestamp::Timestamp};

/// The oldest due rows that are looked at in one turn.
const WINDOW: usize = 1_000;

/// Rows of one turn.
const PER_TURN: usize = 500;

/// Rows of a subscription that a hop finds.
const PER_HOP: usize = 16;

/// Hops of one turn.
const HOPS: usize = 8;

/// A delivery that is due.
#[derive(FromQueryResult)]
pub(super) struct Due {
    pub(super) id: Uuid,
    pub(super) event_id: Uuid,
    pub(super) subscription_id: Uuid,
    pub(super) attempts: i32,
    pub(super) next_attempt_at: i64,
}

/// What a turn takes.
#[derive(Default)]
pub(super) struct Picked {
    pub(super) rows: Vec<Due>,
    /// Whether something was left because its lane is full.
    pub(super) left: bool,
    /// Room in lanes, less what was picked for them.
    rooms: HashMap<String, usize>,
}

impl Relay {
    /// Picks due rows: of the oldest, one of each subscription, then a second one of each, and so on.
    /// If these are all that is looked at, whatever is behind them is found by hopping from
    /// subscription to subscription.
    pub(super) async fn pick(&self, now: Timestamp, progress: &mut Progress) -> Result<Picked, Error> {
        let mut picked = Picked::default();
        let oldest = self.oldest(now).await?;
        if oldest.is_empty() {
            return Ok(picked);
        }
        self.registry.refresh(&self.db).await?;
        self.registry.check_readable()?;
        let is_full = oldest.len() == WINDOW;
        let seen: HashSet<Uuid> = oldest.iter().map(|row| row.subscription_id).collect();
        let share = if is_full { PER_TURN / 2 } else { PER_TURN };
        for row in in_turns(oldest) {
            if picked.rows.len() == share {
                break;
            }
            self.take(row, &mut picked);
        }
        if is_full {
            self.hop(now, progress, &seen, &mut picked).await?;
        }
        Ok(picked)
    }

    /// Picks from subscriptions that aren't among the oldest, going on where the last turn ended.
    async fn hop(
        &self,
        now: Timestamp,
        progress: &mut Progress,
        seen: &HashSet<Uuid>,
        picked: &mut Picked,
    ) -> Result<(), Error> {
        for _ in 0..HOPS {
            let most = (PER_TURN - picked.rows.len()) / hop::SUBSCRIPTIONS;
            if most == 0 {
                break;
            }
            let found = self.subscriptions_after(progress.cursor).await?;
            let is_end = found.len() < hop::SUBSCRIPTIONS;
            progress.cursor = found.last().copied().filter(|_| !is_end).unwrap_or_default();
            let hidden = found.into_iter().filter(|id| !seen.contains(id));
            let of: Vec<_> = hidden
                .map(|id| (id, most.min(PER_HOP).min(self.lane_room(id, picked).1)))
                .filter(|(_, most)| *most > 0)
                .collect();
            if !of.is_empty() {
                for row in self.due_of(&of, now).await? {
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
        let (url, room) = self.lane_room(row.subscription_id, picked);
        if room == 0 {
            picked.left = true;
            return;
        }
        if let Some(url) = url {
            picked.rooms.insert(url, room - 1);
        }
        picked.rows.push(row);
    }

    /// The endpoint's URL, and how many more deliveries its lane would take.
    fn lane_room(&self, id: Uuid, picked: &Picked) -> (Option<String>, usize) {
        let id = SubscriptionId::from_uuid(id);
        let endpoints = self.registry.endpoints();
        let endpoint = match self.registry.get(id) {
            Some(subscription) => Some(endpoints.get(&subscription.destination.url)),
            None => endpoints.brought(id),
        };
        // Deleted, or seen for the first time: its event is read.
        let Some(endpoint) = endpoint else { return (None, usize::MAX) };
        let room = picked.rooms.get(endpoint.url()).copied().unwrap_or_else(|| endpoint.room());
        (Some(endpoint.url().to_owned()), room)
    }

    async fn oldest(&self, now: Timestamp) -> Result<Vec<Due>, Error> {
        // Compared with a subquery, PostgreSQL doesn't reckon with how few rows were due when it last
        // looked, for which it would sort all that are by now.
        let sql = "SELECT id, event_id, subscription_id, attempts, next_attempt_at FROM thorn_delivery \
                   WHERE next_attempt_at <= (SELECT ?) ORDER BY next_attempt_at LIMIT ?";
        let values = [Value::from(now.as_millis()), i64::try_from(WINDOW).unwrap_or(i64::MAX).into()];
        Ok(Due::find_by_statement(statement(self.db.get_database_backend(), sql, values)).all(&self.db).await?)
    }
}

/// One of each subscription, then the second one of each, and so on; within that the oldest first.
fn in_turns(oldest: Vec<Due>) -> impl Iterator<Item = Due> {
    let mut places: HashMap<Uuid, u32> = HashMap::new();
    let mut placed: Vec<_> = oldest
        .into_iter()
        .map(|row| {
            let place = places.entry(row.subscription_id).or_default();
            *place += 1;
            (*place, row)
        })
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, row)| row)
}
