//! The tables `thorn_subscription` and `thorn_registry`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_subscription`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_subscription")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `None` is a global subscription, made by an operator.
    pub owner: Option<String>,
    pub pattern: String,
    pub url: String,
    pub secret: String,
    pub digest: String,
    pub content_type: String,
    pub disabled_at: Option<i64>,
    pub disabled_reason: Option<String>,
    /// SHA-256 of owner, URL, pattern and filter, unique; `None` once deleted.
    pub identity: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
    /// The registry's version that brought it.
    pub created_version: i64,
    /// The registry's version that last changed it.
    pub version: i64,
    /// A condition on the payload, as JSON.
    pub filter: Option<String>,
    /// The registry's version that last changed which events it hears of.
    pub hears_version: i64,
    /// Headers of its own as JSON, sealed like the secret.
    pub headers: Option<String>,
    /// How `Hook-HMAC` is made.
    pub signer: String,
    /// Which configuration it comes from; `None` if somebody subscribed.
    pub source: Option<String>,
    /// Since when nothing has got through to it; `None` while something does.
    pub failing_since: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The one row of `thorn_registry`: a counter that every change of a subscription takes one step,
/// in its own transaction, so versions become visible in their order.
pub mod registry {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "thorn_registry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
