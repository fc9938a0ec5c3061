//! The table `thorn_api_key`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_api_key`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// SHA-256 of the token, in hexadecimal digits.
    pub hash: String,
    /// `None` is an operator.
    pub owner: Option<String>,
    /// The scopes, between spaces.
    pub scopes: String,
    pub label: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
