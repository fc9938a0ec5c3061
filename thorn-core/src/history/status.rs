//! Counts of waiting events and deliveries, and of held subscriptions.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::{
    error::Error,
    tables::{delivery, event},
};

/// Counts of waiting events and deliveries, and of held subscriptions. They are read from the database, so every process
/// sees the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Committed events that no relay has fanned out and no dispatcher has taken yet.
    pub unrelayed: u64,
    /// Deliveries that wait for their next attempt.
    pub waiting: u64,
    /// Fanned-out events that weren't compared with their recorded deliveries yet.
    pub unsettled: u64,
    /// Enabled subscriptions whose deliveries are [held](crate::attempt::HoldPolicy).
    pub held: u64,
}

impl Status {
    pub(crate) async fn read<C: ConnectionTrait>(db: &C, held: u64) -> Result<Self, Error> {
        let free = || event::Entity::find().filter(event::Column::RelayedAt.is_null());
        // Two queries, because each has an index of its own.
        let unrelayed = free().filter(event::Column::Dispatcher.is_null()).count(db).await?;
        let undispatched = free().filter(event::Column::Dispatcher.is_not_null()).count(db).await?;
        let waiting = delivery::Entity::find().filter(delivery::Column::NextAttemptAt.is_not_null()).count(db).await?;
        let unsettled = event::Entity::find().filter(event::Column::AuditAt.is_not_null()).count(db).await?;
        Ok(Self { unrelayed: unrelayed + undispatched, waiting, unsettled, held })
    }
}
