//! The table `thorn_consumer`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_consumer`: how far a consumer has read the log.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_consumer")]
pub struct Model {
    /// Empty for a consumer of an operator.
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The position of the cursor.
    pub position: i64,
    /// The check digits of the cursor.
    pub check_digits: String,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
