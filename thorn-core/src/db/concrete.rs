//! The concrete connection behind a generic one.
//!
//! SeaORM's functions take any `C: ConnectionTrait`, which can't begin a transaction. Thorn must begin one, in code
//! of the application that is just as generic. So it asks which connection `C` really is.

#![expect(unsafe_code, reason = "`Any` needs `'static`, which the `C` of SeaORM's functions isn't")]

use std::any::TypeId;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseExecutor, DatabaseTransaction};

/// A connection, as far as its kind matters to a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Concrete<'a> {
    /// A pool, or a connection that commits each statement.
    Pool(&'a DatabaseConnection),
    /// An open transaction.
    Transaction(&'a DatabaseTransaction),
    /// A connection type that isn't SeaORM's.
    Foreign,
}

impl<'a> Concrete<'a> {
    pub(crate) fn of<C: ConnectionTrait>(db: &'a C) -> Self {
        let db: *const C = db;
        let kind = typeid::of::<C>();
        // SAFETY, for the three casts: `C` is the type that `db` is cast to, since their ids are equal. An id doesn't
        // tell lifetimes apart. The first two types have none. The third is covariant in its lifetime, and the
        // lifetime that it has outlives `'a`, since a `&'a C` exists.
        if kind == TypeId::of::<DatabaseConnection>() {
            Self::Pool(unsafe { &*db.cast() })
        } else if kind == TypeId::of::<DatabaseTransaction>() {
            Self::Transaction(unsafe { &*db.cast() })
        } else if kind == TypeId::of::<DatabaseExecutor<'static>>() {
            match unsafe { &*db.cast::<DatabaseExecutor<'a>>() } {
                DatabaseExecutor::Connection(pool) => Self::Pool(pool),
                DatabaseExecutor::Transaction(transaction) => Self::Transaction(transaction),
                DatabaseExecutor::OwnedTransaction(transaction) => Self::Transaction(transaction),
            }
        } else {
            Self::Foreign
        }
    }

    pub(crate) fn is_transaction(&self) -> bool {
        matches!(self, Self::Transaction(_))
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use sea_orm::{Database, TransactionTrait};

    use super::{Concrete, ConnectionTrait, DatabaseConnection, DatabaseExecutor};
    use crate::db::without_returning::WithoutReturning;

    fn kind<C: ConnectionTrait>(db: &C) -> Concrete<'_> {
        Concrete::of(db)
    }

    #[tokio::test]
    async fn a_generic_connection_is_recognized_also_inside_an_executor() {
        let pool: DatabaseConnection = Database::connect("sqlite::memory:").await.unwrap();
        assert!(matches!(kind(&pool), Concrete::Pool(same) if std::ptr::eq(same, &raw const pool)));
        assert!(
            matches!(kind(&DatabaseExecutor::from(&pool)), Concrete::Pool(same) if std::ptr::eq(same, &raw const pool))
        );
        let open = pool.begin().await.unwrap();
        assert!(matches!(kind(&open), Concrete::Transaction(same) if std::ptr::eq(same, &raw const open)));
        assert!(kind(&DatabaseExecutor::from(&open)).is_transaction());
        assert!(kind(&DatabaseExecutor::OwnedTransaction(open)).is_transaction());
        assert!(matches!(kind(&WithoutReturning(pool)), Concrete::Foreign));
    }
}
