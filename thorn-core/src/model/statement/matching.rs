//! The rows that an UPDATE or DELETE matches, read and locked in batches.

use std::{marker::PhantomData, mem};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable, ModelTrait, Order, PrimaryKeyToColumn,
    QueryFilter, QueryOrder, QuerySelect, StatementBuilder,
    sea_query::{Condition, ValueTuple},
};

use crate::model::{junction::MAX_KEYS, row_lock};

/// The rows that a statement matches.
#[derive(Clone, Debug)]
pub(super) struct Matching {
    /// The filters, all of which hold.
    pub(super) condition: Condition,
    /// Whether the application could change the statement, so that it may match other rows than `condition`.
    pub(super) is_own: bool,
}

impl Matching {
    pub(super) fn all() -> Self {
        Self { condition: Condition::all(), is_own: false }
    }

    pub(super) fn add(&mut self, condition: Condition) {
        self.condition = mem::replace(&mut self.condition, Condition::all()).add(condition);
    }
}

/// Reads matching rows batch by batch, and locks them until the transaction ends.
pub(super) struct Batches<E: EntityTrait> {
    condition: Condition,
    is_whole: bool,
    state: State,
    entity: PhantomData<E>,
}

enum State {
    First,
    /// Rows with greater keys are left.
    After(Option<ValueTuple>),
    Done,
}

impl<E: EntityTrait> Batches<E> {
    /// `is_whole` puts all rows into one batch.
    pub(super) fn of(condition: Condition, is_whole: bool) -> Self {
        Self { condition, is_whole, state: State::First, entity: PhantomData }
    }

    /// The next batch; empty if there are no more rows.
    pub(super) async fn next<C: ConnectionTrait>(&mut self, db: &C) -> Result<Vec<E::Model>, DbErr> {
        let select = E::find().filter(self.condition.clone());
        match mem::replace(&mut self.state, State::Done) {
            State::Done => Ok(Vec::new()),
            State::First if self.is_whole => row_lock::read_all(select, db).await,
            State::First => {
                let rows = row_lock::read_all(select.limit(MAX_KEYS as u64 + 1), db).await?;
                if rows.len() <= MAX_KEYS {
                    return Ok(rows);
                }
                self.state = State::After(None);
                Box::pin(self.next(db)).await
            }
            State::After(key) => {
                let mut select = select.limit(MAX_KEYS as u64);
                for key in E::PrimaryKey::iter() {
                    select = select.order_by(key.into_column(), Order::Asc);
                }
                if let Some(key) = key {
                    select = select.filter(greater::<E>(key));
                }
                let rows = row_lock::read_all(select, db).await?;
                if let Some(last) = rows.last() {
                    self.state = State::After(Some(last.get_primary_key_value()));
                }
                Ok(rows)
            }
        }
    }
}

/// The condition that a row's primary key is greater than this one.
fn greater<E: EntityTrait>(key: ValueTuple) -> Condition {
    let columns: Vec<_> = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).zip(key).collect();
    (0..columns.len()).fold(Condition::any(), |any, at| {
        let equal =
            columns[..at].iter().fold(Condition::all(), |all, (column, value)| all.add(column.eq(value.clone())));
        let (column, value) = &columns[at];
        any.add(equal.add(column.gt(value.clone())))
    })
}

/// Whether a statement reads rows in a subquery, which its earlier batches could change for the later ones. A word of
/// a value may say so wrongly; then all rows are one batch.
pub(super) fn has_subquery<S: StatementBuilder>(statement: &S) -> bool {
    DbBackend::Postgres.build(statement).sql.contains("SELECT ")
}
