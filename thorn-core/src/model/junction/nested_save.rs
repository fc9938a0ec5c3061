//! Joins the links of one nested save to one event.
//!
//! A nested save of SeaORM calls the junction's hooks once per link: first all hooks before, then the
//! statement, then the hooks after, which run only for links that really changed. No hook knows that it is the
//! last. The first hook after therefore writes the event, and the other hooks of the same save change it.
//!
//! Announcements are kept by connection. A hook before drops it, so a later save on the same connection
//! never finds what belongs to an earlier one.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    num::NonZeroUsize,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use sea_orm::{EntityTrait, sea_query::ValueTuple};

use crate::{
    id::EventId,
    model::{event::ModelEvent, link_change::LinkOp},
};

/// The announced rows of one side, by the kind of their change and their key.
pub(super) type AnnouncedRows<M> = HashMap<(LinkOp, Vec<String>), AnnouncedRow<M>>;

/// A row, its links that changed so far, and the events that were written about them.
pub(super) struct AnnouncedRow<M: sea_orm::ModelTrait + 'static> {
    pub(super) row: M,
    pub(super) keys: Vec<ValueTuple>,
    pub(super) events: Vec<(&'static ModelEvent<M>, EventId)>,
}

/// One side of the nested save that runs on a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct SaveSide {
    junction: (usize, TypeId),
    side: TypeId,
}

impl SaveSide {
    pub(super) fn of<J: 'static, A: 'static, C>(db: &C) -> Self {
        Self { junction: junction::<J, C>(db), side: TypeId::of::<A>() }
    }

    /// Takes out what the save has announced so far. [`keep`](Self::keep) puts it back for the next hook.
    pub(super) fn resume<R: Send + Default + 'static>(self) -> R {
        let rows = saves().peek_mut(&self.junction).and_then(|sides| sides.remove(&self.side));
        rows.and_then(|rows| rows.downcast().ok()).map(|rows| *rows).unwrap_or_default()
    }

    /// Keeps what the save has announced for its next hook.
    pub(super) fn keep<R: Send + 'static>(self, rows: R) {
        saves().get_or_insert_mut(self.junction, HashMap::new).insert(self.side, Box::new(rows));
    }
}

/// Announced rows by the type of the side.
type Sides = HashMap<TypeId, Box<dyn Any + Send>>;

/// Saves under way by the address of their connection and the type of the junction.
///
/// This is an LRU because a save under way is among the newest: only what ended saves left may be dropped.
static SAVES: LazyLock<Mutex<LruCache<(usize, TypeId), Sides>>> =
    LazyLock::new(|| Mutex::new(LruCache::sparse(MAX_KEPT)));

/// More saves than are ever under way at once, since each has a connection of its own. A save that is dropped
/// halfway is reported as two events.
const MAX_KEPT: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Begins a new save: what an earlier one announced on this connection is dropped.
pub(in crate::model) fn begin<J: EntityTrait, C>(db: &C) {
    saves().pop(&junction::<J, C>(db));
}

fn junction<J: 'static, C>(db: &C) -> (usize, TypeId) {
    (std::ptr::from_ref(db).addr(), TypeId::of::<J>())
}

fn saves() -> MutexGuard<'static, LruCache<(usize, TypeId), Sides>> {
    SAVES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{MAX_KEPT, SaveSide, begin, saves};
    use crate::tables::event::Entity;

    fn rows(side: SaveSide) -> Vec<u8> {
        side.resume()
    }

    #[test]
    fn a_save_finds_its_own_until_another_begins_and_only_the_oldest_are_dropped() {
        let connections: Vec<u64> = (0..MAX_KEPT.get() as u64 + 1).collect();
        let side = |at: usize| SaveSide::of::<Entity, u8, _>(&connections[at]);
        side(0).keep(vec![1_u8]);
        SaveSide::of::<Entity, u16, _>(&connections[0]).keep(vec![2_u8]);
        assert_eq!((rows(side(0)), rows(side(0))), (vec![1], vec![]));
        side(0).keep(vec![1_u8]);
        begin::<Entity, _>(&connections[1]);
        assert_eq!(rows(side(0)), [1]);
        side(0).keep(vec![1_u8]);
        begin::<Entity, _>(&connections[0]);
        assert!(rows(side(0)).is_empty() && rows(SaveSide::of::<Entity, u16, _>(&connections[0])).is_empty());

        (0..connections.len()).for_each(|at| side(at).keep(vec![3_u8]));
        assert_eq!(saves().len(), MAX_KEPT.get());
        assert_eq!((rows(side(0)), rows(side(1)), rows(side(MAX_KEPT.get()))), (vec![], vec![3], vec![3]));
    }
}
