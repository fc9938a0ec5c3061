//! The table `thorn_idempotency`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_idempotency`: the answer to a request that may come again.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_idempotency")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub api_key_id: Uuid,
    /// The value of `Idempotency-Key`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub idempotency_key: String,
    /// A hash of the request, in hexadecimal digits.
    pub fingerprint: String,
    /// The answer as JSON.
    pub answer: String,
    pub event_id: Option<Uuid>,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
