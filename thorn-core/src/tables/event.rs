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
    /// The event's options as JSON, unless they are the defaults, and its own recipients.
    pub options: Option<String>,
    pub created_at: i64,
    /// When the event was fanned out; `None` until then.
    pub relayed_at: Option<i64>,
    /// The number of deliveries it was fanned out to.
    pub fanout: Option<i32>,
    /// The version of the registry at the fan-out.
    pub registry_version: Option<i64>,
    /// When the reconciler compares the fan-out with the recorded deliveries; `None` once nothing is missing.
    pub audit_at: Option<i64>,
    /// The name of the dispatcher that takes the event; `None` means the queue.
    pub dispatcher: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
