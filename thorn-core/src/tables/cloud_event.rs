//! The table `thorn_cloud_event`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_cloud_event`: a CloudEvent that came in.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_cloud_event")]
pub struct Model {
    /// A hash of owner, source and id, in hexadecimal digits.
    #[sea_orm(primary_key, auto_increment = false)]
    pub fingerprint: String,
    /// The event that it became. The row is deleted with it.
    pub event_id: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
