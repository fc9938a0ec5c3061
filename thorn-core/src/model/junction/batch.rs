//! Joins the hooks of one nested save to one event.
//!
//! A nested save of SeaORM calls the junction's hooks once per link: all those before, then the
//! statement, then those after, but only for links that really changed; nothing tells the last. So
//! the first one after writes the event, and the others of the same save change it. A hook before
//! begins anew. What is kept here of a save that ended is never taken for another's: whoever comes
//! after with the same connection has begun anew.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use sea_orm::EntityTrait;

use crate::{
    id::EventId,
    model::{event::ModelEvent, link_change::LinkOp},
};

/// What was told of each row of one side, by what was done and its key.
pub(super) type Batch<M> = HashMap<(LinkOp, Vec<String>), Told<M>>;

/// One row, its links that changed so far, and the events that say so.
pub(super) struct Told<M: 'static> {
    pub(super) row: M,
    pub(super) keys: Vec<sea_orm::sea_query::ValueTuple>,
    pub(super) events: Vec<(&'static ModelEvent<M>, EventId)>,
}

/// One side of a junction on a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    junction: (usize, TypeId),
    side: TypeId,
}

impl Place {
    pub(super) fn of<J: 'static, A: 'static, C>(db: &C) -> Self {
        Self { junction: junction::<J, C>(db), side: TypeId::of::<A>() }
    }

    /// What was told of the save under way. It must be kept again to be found again.
    pub(super) fn resume<M: Send>(self) -> Batch<M> {
        let batch = saves().kept.get_mut(&self.junction).and_then(|(_, sides)| sides.remove(&self.side));
        batch.and_then(|batch| batch.downcast().ok()).map(|batch| *batch).unwrap_or_default()
    }

    /// Keeps what was told for the next link of the save.
    pub(super) fn keep<M: Send>(self, batch: Batch<M>) {
        let mut saves = saves();
        saves.number += 1;
        let number = saves.number;
        if saves.kept.len() >= MAX_KEPT && !saves.kept.contains_key(&self.junction) {
            let oldest = saves.kept.iter().min_by_key(|(_, (number, _))| *number).map(|(junction, _)| *junction);
            oldest.map(|oldest| saves.kept.remove(&oldest));
        }
        let (last, sides) = saves.kept.entry(self.junction).or_default();
        *last = number;
        sides.insert(self.side, Box::new(batch));
    }
}

/// What was told to each side, with the number of when.
type Kept = (u64, HashMap<TypeId, Box<dyn Any + Send>>);

#[derive(Default)]
struct Saves {
    number: u64,
    kept: HashMap<(usize, TypeId), Kept>,
}

static SAVES: LazyLock<Mutex<Saves>> = LazyLock::new(Mutex::default);

/// More than are ever under way at once, since each has a connection of its own. Whose save is
/// dropped in the midst of it is told by two events.
const MAX_KEPT: usize = 256;

/// From now on it is another save.
pub(crate) fn begin<J: EntityTrait, C>(db: &C) {
    saves().kept.remove(&junction::<J, C>(db));
}

fn junction<J: 'static, C>(db: &C) -> (usize, TypeId) {
    (std::ptr::from_ref(db).addr(), TypeId::of::<J>())
}

fn saves() -> MutexGuard<'static, Saves> {
    SAVES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Batch, HashMap, LinkOp, MAX_KEPT, Place, Told, begin, saves};
    use crate::tables::event::Entity;

    fn told(row: u8) -> Batch<u8> {
        HashMap::from([((LinkOp::Add, Vec::new()), Told { row, keys: Vec::new(), events: Vec::new() })])
    }

    fn rows(place: Place) -> Vec<u8> {
        place.resume::<u8>().into_values().map(|told| told.row).collect()
    }

    #[test]
    fn a_save_finds_its_own_until_another_begins_and_only_the_oldest_are_dropped() {
        let connections: Vec<u64> = (0..MAX_KEPT as u64 + 1).collect();
        let place = |at: usize| Place::of::<Entity, u8, _>(&connections[at]);
        place(0).keep(told(1));
        Place::of::<Entity, u16, _>(&connections[0]).keep(told(2));
        assert_eq!((rows(place(0)), rows(place(0))), (vec![1], vec![]));
        place(0).keep(told(1));
        begin::<Entity, _>(&connections[1]);
        assert_eq!(rows(place(0)), [1]);
        place(0).keep(told(1));
        begin::<Entity, _>(&connections[0]);
        assert!(rows(place(0)).is_empty() && rows(Place::of::<Entity, u16, _>(&connections[0])).is_empty());

        (0..=MAX_KEPT).for_each(|at| place(at).keep(told(3)));
        assert_eq!(saves().kept.len(), MAX_KEPT);
        assert_eq!((rows(place(0)), rows(place(1)), rows(place(MAX_KEPT))), (vec![], vec![3], vec![3]));
    }
}
