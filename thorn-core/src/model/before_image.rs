//! Carries the row as it was from the hook before an operation to the one after it.
//!
//! SeaORM hands its hooks nothing but the connection. Each operation of an inherent method has a
//! scope of its own, which ends with it however it ends: by success, error, cancellation or panic.
//! A generic caller inside a transaction has none; its rows lie in one bounded store by connection
//! until the hook after takes them. A row that is left there by a failed operation is never taken
//! for another's, since the hook before always replaces or removes it first.

use std::{
    any::{Any, TypeId},
    cell::RefCell,
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use sea_orm::{ModelTrait, sea_query::ValueTuple};

type Rows<K> = HashMap<K, Box<dyn Any + Send>>;
type RowKey = (TypeId, ValueTuple);

tokio::task_local! {
    static OPERATION: RefCell<Rows<RowKey>>;
}

/// Rows of generic callers, by the address of their connection too.
static UNSCOPED: LazyLock<Mutex<Rows<(usize, RowKey)>>> = LazyLock::new(Mutex::default);

/// Rows that failed operations of generic callers may leave behind before all are dropped.
const MAX_UNSCOPED: usize = 10_000;

/// Runs one operation in a scope of its own.
pub(super) async fn scope<F: Future>(operation: F) -> F::Output {
    OPERATION.scope(RefCell::default(), operation).await
}

/// Where the row of one operation lies.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    connection: usize,
    row: RowKey,
}

impl Slot {
    /// The slot of the row with this primary key.
    pub(super) fn of<M: ModelTrait + 'static, C>(db: &C, primary_key: ValueTuple) -> Self {
        Self { connection: std::ptr::from_ref(db).addr(), row: (TypeId::of::<M>(), primary_key) }
    }

    /// Puts the row there, or sees to it that there is none.
    pub(super) fn put<M: Send + 'static>(self, row: Option<M>) {
        let row = row.map(|row| Box::new(row) as Box<dyn Any + Send>);
        if is_scoped() {
            OPERATION.with(|rows| replace(&mut rows.borrow_mut(), self.row, row));
        } else {
            let mut rows = unscoped();
            if rows.len() >= MAX_UNSCOPED {
                rows.clear();
            }
            replace(&mut rows, (self.connection, self.row), row);
        }
    }

    /// Takes the row out.
    pub(super) fn take<M: 'static>(self) -> Option<M> {
        let row = if is_scoped() {
            OPERATION.with(|rows| rows.borrow_mut().remove(&self.row))
        } else {
            unscoped().remove(&(self.connection, self.row))
        };
        row.and_then(|row| row.downcast().ok()).map(|row| *row)
    }
}

fn is_scoped() -> bool {
    OPERATION.try_with(|_| ()).is_ok()
}

fn unscoped() -> MutexGuard<'static, Rows<(usize, RowKey)>> {
    UNSCOPED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn replace<K: Eq + std::hash::Hash>(rows: &mut Rows<K>, key: K, row: Option<Box<dyn Any + Send>>) {
    match row {
        Some(row) => rows.insert(key, row),
        None => rows.remove(&key),
    };
}

/// Rows in the store of generic callers; for tests.
pub fn left_behind() -> usize {
    unscoped().len()
}

#[cfg(test)]
mod tests {
    use sea_orm::{Value, prelude::Uuid};

    use super::{Slot, ValueTuple, scope};
    use crate::tables::event::Model;

    fn slot(connection: &u64) -> Slot {
        Slot::of::<Model, _>(connection, ValueTuple::One(Value::from(Uuid::nil())))
    }

    #[test]
    fn what_a_failed_operation_left_is_never_taken_for_another_row() {
        let (one, other) = (1, 2);
        slot(&one).put(Some("left behind"));
        assert_eq!(slot(&other).take::<&str>(), None);
        slot(&one).put(None::<&str>);
        assert_eq!(slot(&one).take::<&str>(), None);
        slot(&one).put(Some("first"));
        slot(&one).put(Some("second"));
        assert_eq!(slot(&one).take(), Some("second"));
        assert_eq!(slot(&one).take::<&str>(), None);
    }

    #[tokio::test]
    async fn each_operation_has_its_own() {
        let connection = 1;
        scope(async {
            slot(&connection).put(Some("outer"));
            scope(async {
                assert_eq!(slot(&connection).take::<&str>(), None);
                slot(&connection).put(Some("inner"));
            })
            .await;
            assert_eq!(slot(&connection).take(), Some("outer"));
        })
        .await;
        assert_eq!(slot(&connection).take::<&str>(), None);
    }
}
