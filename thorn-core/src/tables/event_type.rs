//! The table `thorn_event_type`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_event_type`: an event that a caller has declared.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_event_type")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Empty for an operator's.
    pub owner: String,
    pub name: String,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
