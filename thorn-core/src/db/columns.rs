//! Reads the columns of a row in their order.
//!
//! SeaORM finds each column by its name, and writes the text of an error for each NULL. Where a worker reads thousands of rows
//! at a time, that takes more time than the values.

use sea_orm::{DbErr, QueryResult, prelude::Uuid};
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use sea_orm::{RuntimeErr, sqlx::Row as _};
use serde::de::DeserializeOwned;

/// Values of columns, in the order in which they were selected.
pub(crate) trait ColumnSource {
    type Error;

    /// The value of the next column.
    fn next<T: FromColumn>(&mut self) -> Result<T, Self::Error>;
}

/// The columns of a row, from left to right.
pub(crate) struct Columns<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) const fn of(row: &'r QueryResult) -> Self {
        Self { row, next: 0 }
    }
}

impl ColumnSource for Columns<'_> {
    type Error = DbErr;

    fn next<T: FromColumn>(&mut self) -> Result<T, DbErr> {
        let index = self.next;
        self.next += 1;
        T::from_column(self.row, index)
    }
}

/// A type of column. Its values may also come as JSON.
pub(crate) trait FromColumn: DeserializeOwned {
    fn from_column(row: &QueryResult, index: usize) -> Result<Self, DbErr>;
}

macro_rules! from_column {
    ($($kind:ty),*) => {$(
        impl FromColumn for $kind {
            fn from_column(row: &QueryResult, index: usize) -> Result<Self, DbErr> {
                #[cfg(feature = "sqlite")]
                if let Some(row) = row.try_as_sqlite_row() {
                    return row.try_get(index).map_err(unreadable);
                }
                #[cfg(feature = "postgres")]
                if let Some(row) = row.try_as_pg_row() {
                    return row.try_get(index).map_err(unreadable);
                }
                #[cfg(feature = "mysql")]
                if let Some(row) = row.try_as_mysql_row() {
                    return row.try_get(index).map_err(unreadable);
                }
                row.try_get_by_index(index)
            }
        }
    )*};
}

from_column!(bool, i32, i64, String, Uuid, Option<i32>, Option<i64>, Option<String>, Option<Uuid>);

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn unreadable(error: sea_orm::sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(std::sync::Arc::new(error)))
}

/// Implements reading for a type around a `Model` of the same module.
macro_rules! read_in_order {
    ($row:ident { $($column:ident => $field:ident),* $(,)? } without { $($absent:ident),* $(,)? }) => {
        impl $row {
            /// The columns to select, in this order.
            pub(crate) const COLUMNS: &[Column] = &[$(Column::$column),*];

            /// Has the query select these columns.
            pub(crate) fn of(query: sea_orm::Select<Entity>) -> sea_orm::Selector<sea_orm::SelectModel<Self>> {
                sea_orm::QuerySelect::columns(sea_orm::QuerySelect::select_only(query), Self::COLUMNS.iter().copied())
                    .into_model()
            }

            /// Reads these columns.
            pub(crate) fn read<S: crate::db::ColumnSource>(columns: &mut S) -> Result<Self, S::Error> {
                Ok(Self(Model { $($field: columns.next()?,)* $($absent: None,)* }))
            }
        }

        impl sea_orm::FromQueryResult for $row {
            fn from_query_result(row: &sea_orm::QueryResult, _: &str) -> Result<Self, DbErr> {
                Self::read(&mut crate::db::Columns::of(row))
            }
        }
    };
}

pub(crate) use read_in_order;
