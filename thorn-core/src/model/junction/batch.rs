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
    EventId,
    model::{Joins, LinkOp, ModelEvent},
};

/// What was told of each row of one side, by what was done and its key.
pub(super) type Batch<M> = HashMap<(LinkOp, Vec<String>), Told<M>>;

/// One row, its links that changed so far, and the events that say so.
pub(super) struct Told<M: 'static> {
    pub(super) row: M,
    pub(super) keys: Vec<sea_orm::sea_query::ValueTuple>,
    pub(super) events: Vec<(&'static ModelEvent<M>, EventId)>,
}

/// A junction on a connection.
type Place = (usize, TypeId);

/// By side; the number is that of the save.
type Kept = (u64, HashMap<TypeId, Box<dyn Any + Send>>);

#[derive(Default)]
struct Saves {
    begun: u64,
    kept: HashMap<Place, Kept>,
}

static SAVES: LazyLock<Mutex<Saves>> = LazyLock::new(Mutex::default);

/// As many as may be under way at once, each with a transaction of its own.
const MAX_KEPT: usize = 256;

/// From now on it is another save.
pub(crate) fn begin<J: EntityTrait, C>(db: &C) {
    saves().kept.remove(&place::<J, C>(db));
}

/// What was told of the save under way. It must be kept again to be found again.
pub(super) fn resume<J, A, C>(db: &C) -> Batch<A::Model>
where
    J: Joins<A>,
    A: EntityTrait,
{
    let batch = saves().kept.get_mut(&place::<J, C>(db)).and_then(|(_, sides)| sides.remove(&TypeId::of::<A>()));
    batch.and_then(|batch| batch.downcast().ok()).map(|batch| *batch).unwrap_or_default()
}

/// Keeps what was told for the next link of the save.
pub(super) fn keep<J, A, C>(db: &C, batch: Batch<A::Model>)
where
    J: Joins<A>,
    A: EntityTrait,
{
    let (mut saves, place) = (saves(), place::<J, C>(db));
    saves.begun += 1;
    let number = saves.begun;
    if saves.kept.len() >= MAX_KEPT
        && !saves.kept.contains_key(&place)
        && let Some(oldest) = saves.kept.iter().min_by_key(|(_, (number, _))| *number).map(|(place, _)| *place)
    {
        saves.kept.remove(&oldest);
    }
    let (last, sides) = saves.kept.entry(place).or_default();
    *last = number;
    sides.insert(TypeId::of::<A>(), Box::new(batch));
}

fn place<J: 'static, C>(db: &C) -> Place {
    (std::ptr::from_ref(db).addr(), TypeId::of::<J>())
}

fn saves() -> MutexGuard<'static, Saves> {
    SAVES.lock().unwrap_or_else(PoisonError::into_inner)
}
