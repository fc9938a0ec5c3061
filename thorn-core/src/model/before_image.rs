//! Keeps what the hook before an operation saw until the hook after it runs.
//!
//! SeaORM passes its hooks only the connection. Each operation of a generated method therefore runs in a
//! scope of its own. The scope ends with the operation, whether it succeeds, fails, is cancelled or panics.
//!
//! A generic caller inside a transaction has no scope. Its values go to one bounded store for the process,
//! under the address of the connection. An operation that fails there leaves its value behind. No other
//! operation takes it, because each hook before replaces or removes the value first.

use std::{
    any::{Any, TypeId},
    cell::RefCell,
    collections::HashMap,
    marker::PhantomData,
    num::NonZeroUsize,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use sea_orm::{ModelTrait, sea_query::ValueTuple};

type Kept = Box<dyn Any + Send>;

/// The types of the model and of the kept value, and the row's primary key.
type RowKey = (TypeId, ValueTuple);

tokio::task_local! {
    static OPERATION: RefCell<HashMap<RowKey, Kept>>;
}

/// Values that failed operations of generic callers can leave behind before the oldest is dropped.
const MAX_UNSCOPED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Values of generic callers, also by the address of their connection.
///
/// The order of eviction matters: a value in use is among the newest, and its event is lost with it. A cache
/// that keeps what is read often (such as `quick_cache`) evicts new values first, so this is an LRU.
static UNSCOPED: LazyLock<Mutex<LruCache<(usize, RowKey), Kept>>> =
    LazyLock::new(|| Mutex::new(LruCache::sparse(MAX_UNSCOPED)));

/// Runs one operation in a scope of its own.
pub(super) async fn scope<F: Future>(operation: F) -> F::Output {
    OPERATION.scope(RefCell::default(), operation).await
}

/// The place of a `T` that the hook before an operation on one row leaves for the hook after it.
#[derive(Debug)]
pub(super) struct Slot<T> {
    connection: usize,
    row: RowKey,
    value: PhantomData<fn() -> T>,
}

impl<T: Send + 'static> Slot<T> {
    /// The slot of the row of `M` with this primary key.
    pub(super) fn of<M: ModelTrait + 'static, C>(db: &C, primary_key: ValueTuple) -> Self {
        let types = TypeId::of::<(M, T)>();
        Self { connection: std::ptr::from_ref(db).addr(), row: (types, primary_key), value: PhantomData }
    }

    /// Replaces the value; `None` removes it.
    pub(super) fn put(self, value: Option<T>) {
        let value = value.map(|value| Box::new(value) as Kept);
        if is_scoped() {
            OPERATION.with(|kept| match value {
                Some(value) => kept.borrow_mut().insert(self.row, value),
                None => kept.borrow_mut().remove(&self.row),
            });
        } else {
            let key = (self.connection, self.row);
            match value {
                Some(value) => unscoped().put(key, value),
                None => unscoped().pop(&key),
            };
        }
    }

    /// Takes the value out.
    pub(super) fn take(self) -> Option<T> {
        let value = if is_scoped() {
            OPERATION.with(|kept| kept.borrow_mut().remove(&self.row))
        } else {
            unscoped().pop(&(self.connection, self.row))
        };
        value.and_then(|value| value.downcast().ok()).map(|value| *value)
    }
}

fn is_scoped() -> bool {
    OPERATION.try_with(|_| ()).is_ok()
}

fn unscoped() -> MutexGuard<'static, LruCache<(usize, RowKey), Kept>> {
    UNSCOPED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of values in the store of generic callers; for tests.
pub fn left_behind() -> usize {
    unscoped().len()
}

#[cfg(test)]
mod tests {
    use sea_orm::{Value, prelude::Uuid};

    use super::{Slot, ValueTuple, scope};
    use crate::tables::event::Model;

    fn slot(connection: &u64) -> Slot<&'static str> {
        Slot::of::<Model, _>(connection, ValueTuple::One(Value::from(Uuid::nil())))
    }

    #[test]
    fn what_a_failed_operation_left_is_never_taken_for_another_row() {
        let (one, other) = (1, 2);
        slot(&one).put(Some("left behind"));
        assert_eq!(slot(&other).take(), None);
        slot(&one).put(None);
        assert_eq!(slot(&one).take(), None);
        slot(&one).put(Some("first"));
        slot(&one).put(Some("second"));
        assert_eq!(slot(&one).take(), Some("second"));
        assert_eq!(slot(&one).take(), None);
    }

    #[tokio::test]
    async fn each_operation_has_its_own() {
        let connection = 1;
        scope(async {
            slot(&connection).put(Some("outer"));
            scope(async {
                assert_eq!(slot(&connection).take(), None);
                slot(&connection).put(Some("inner"));
            })
            .await;
            assert_eq!(slot(&connection).take(), Some("outer"));
        })
        .await;
        assert_eq!(slot(&connection).take(), None);
    }
}
