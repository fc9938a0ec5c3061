//! The tables `thorn_delivery` and `thorn_attempt`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_delivery`: a delivery and its latest attempt.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub event_id: Uuid,
    pub subscription_id: Uuid,
    pub state: String,
    pub attempts: i32,
    /// How many of the attempts the retry policy doesn't count: failed probes of a held endpoint.
    pub uncounted: i32,
    pub next_attempt_at: Option<i64>,
    pub created_at: i64,
    pub attempted_at: Option<i64>,
    pub duration_ms: Option<i32>,
    pub outcome: Option<String>,
    pub status_code: Option<i32>,
    pub error: Option<String>,
    pub response: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A row of `thorn_attempt`: an attempt that another one followed.
pub mod attempt {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "thorn_attempt")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub delivery_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub attempted_at: Option<i64>,
        pub duration_ms: Option<i32>,
        pub outcome: Option<String>,
        pub status_code: Option<i32>,
        pub error: Option<String>,
        pub response: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
