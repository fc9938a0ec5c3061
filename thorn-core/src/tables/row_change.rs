//! The tables `thorn_row_change` and `thorn_watch`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_row_change`: a change of a row that no hook has seen yet.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_row_change")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The table, with its schema if the entity names one.
    pub table_name: String,
    /// `create`, `change`, `delete` or `truncate`.
    pub operation: String,
    /// The primary key as a JSON array. `None` for a truncation.
    pub row_key: Option<String>,
    /// Table, operation and key in the form by which hooks find the note.
    pub mark: String,
    /// The transaction on PostgreSQL, the connection on MySQL, and 0 on SQLite.
    pub txn: i64,
    /// The row before the change as JSON, if the table's changes are announced.
    pub old_row: Option<String>,
    /// The row after the change as JSON, if the table's changes are announced.
    pub new_row: Option<String>,
    /// When the trigger wrote the note, in milliseconds, by the clock of the database.
    pub noted_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(crate) mod watch {
    //! The table `thorn_watch`.

    use sea_orm::entity::prelude::*;

    /// A row of `thorn_watch`: a table with triggers.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "thorn_watch")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub table_name: String,
        /// A random id of the table's triggers.
        pub installation: String,
        /// `report`, `announce` or `collect`.
        pub mode: String,
        /// The table and its events as JSON.
        pub definition: String,
        /// Notes from before this moment don't count. In milliseconds, by the clock of the database.
        pub armed_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
