//! Packs the deliveries of events and marks the events as relayed. The relay and inline delivery share this code.

use std::collections::BTreeMap;

use sea_orm::{Condition, DatabaseTransaction, EntityTrait, QueryFilter, prelude::Uuid, sea_query::Expr};

use super::{
    pack::{Packer, Row},
    recipient::Recipient,
};
use crate::{
    db::{one_of, plan_anew, recheck},
    endpoint::Endpoints,
    error::Error,
    outbox::StoredEvent,
    tables::event::{Column, Entity},
    timestamp::Timestamp,
};

/// The packed deliveries of events, with the marks for the events' rows.
pub(crate) struct FanOut<'a> {
    pub(crate) packer: Packer<'a>,
    pub(crate) marks: Marks,
}

/// The ids of the events, grouped by the number of their deliveries.
#[derive(Default)]
pub(crate) struct Marks(BTreeMap<usize, Vec<Uuid>>);

impl<'a> FanOut<'a> {
    pub(crate) fn new(endpoints: &'a Endpoints, chunk: usize) -> Self {
        Self { packer: Packer::new(endpoints, chunk), marks: Marks::default() }
    }

    /// Adds an event and signs its deliveries.
    pub(crate) fn add(&mut self, event: &StoredEvent, recipients: &[Recipient]) -> Result<(), Error> {
        let mut fanout = 0;
        for recipient in recipients {
            fanout += usize::from(self.packer.add(event, recipient, Row::Missing)?);
        }
        self.marks.0.entry(fanout).or_default().push(event.id.as_uuid());
        Ok(())
    }
}

impl Marks {
    /// Marks the events as relayed, and returns how many were `free` to take. One statement marks all events with
    /// the same number of deliveries.
    pub(crate) async fn mark(
        &self,
        txn: &DatabaseTransaction,
        free: Condition,
        now: Timestamp,
        version: i64,
        audit_at: Timestamp,
    ) -> Result<usize, Error> {
        plan_anew(txn).await?;
        let mut marked = 0;
        for (fanout, ids) in &self.0 {
            let audit_at = (*fanout > 0).then_some(audit_at.as_millis());
            let done = Entity::update_many()
                .col_expr(Column::RelayedAt, Expr::value(now.as_millis()))
                .col_expr(Column::Fanout, Expr::value(i32::try_from(*fanout).unwrap_or(i32::MAX)))
                .col_expr(Column::RegistryVersion, Expr::value(version))
                .col_expr(Column::AuditAt, Expr::value(audit_at))
                .filter(one_of(txn, Column::Id, ids.iter().copied()))
                .filter(recheck(free.clone()))
                .exec(txn)
                .await?;
            marked += usize::try_from(done.rows_affected).unwrap_or(usize::MAX);
        }
        Ok(marked)
    }
}
