//! The table `thorn_log`, and the events with their positions in the log.

use sea_orm::entity::prelude::*;

/// The only row of `thorn_log`. It exists where the log is switched on.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The highest position that was given; 0 before the first.
    pub last_position: i64,
    /// Every event from this position on is still there.
    pub complete_from: i64,
    /// The check digits of the position before `complete_from`, whose event is deleted or never was.
    pub check_before: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A row of `thorn_event` as the log reads it.
///
/// The entity of the outbox doesn't have the position, because the column exists only where the log is switched on.
pub(crate) mod event {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "thorn_event")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        /// The place in the log; `None` until the sequencer has numbered the event, 0 if it is older than the log.
        pub position: Option<i64>,
        pub name: String,
        pub sender: Option<String>,
        pub broadcast: bool,
        pub body: String,
        pub options: Option<String>,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
