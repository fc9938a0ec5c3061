//! What is waiting, in the whole system.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::{
    error::Error,
    tables::{delivery, event},
};

/// What is waiting, counted in the database; the same whichever process asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Committed events that no relay has fanned out yet, nor a dispatcher taken.
    pub unrelayed: u64,
    /// Deliveries that wait for their next attempt.
    pub waiting: u64,
    /// Fanned-out events whose deliveries aren't all known to be recorded.
    pub unsettled: u64,
}

impl Status {
    pub(crate) async fn read<C: ConnectionTrait>(db: &C) -> Result<Self, Error> {
        let free = || event::Entity::find().filter(event::Column::RelayedAt.is_null());
        // Each has an index of its own.
        let unrelayed = free().filter(event::Column::Dispatcher.is_null()).count(db).await?;
        let undispatched = free().filter(event::Column::Dispatcher.is_not_null()).count(db).await?;
        let waiting = delivery::Entity::find().filter(delivery::Column::NextAttemptAt.is_not_null()).count(db).await?;
        let unsettled = event::Entity::find().filter(event::Column::AuditAt.is_not_null()).count(db).await?;
        Ok(Self { unrelayed: unrelayed + undispatched, waiting, unsettled })
    }
}
