//! The table `thorn_event`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_event`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub sender: Option<String>,
    pub broadcast: bool,
    pub body: String,
    /// `EventOptions` as JSON, if they differ from the defaults, and the event's own subscribers.
    pub options: Option<String>,
    pub created_at: i64,
    /// `None` until a relay has fanned the event out.
    pub relayed_at: Option<i64>,
    /// How many deliveries it was fanned out to.
    pub fanout: Option<i32>,
    /// The registry's version the fan-out was made with.
    pub registry_version: Option<i64>,
    /// When the reconciler compares the fan-out with what was recorded; `None` once settled.
    pub audit_at: Option<i64>,
    /// Who takes the event instead of the relay; `None` is the queue.
    pub dispatcher: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
