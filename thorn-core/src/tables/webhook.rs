//! The tables `thorn_webhook` and `thorn_webhook_event`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_webhook`: a URL of the Hooks app.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_webhook")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Empty for an operator's.
    pub owner: String,
    pub name: String,
    pub url: String,
    /// The secret that signs the deliveries, encrypted if there is a key.
    pub secret: String,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(crate) mod link {
    //! The table `thorn_webhook_event`.

    use sea_orm::entity::prelude::*;

    /// A row of `thorn_webhook_event`: an event that a webhook is linked with.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "thorn_webhook_event")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub webhook_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_type_id: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
