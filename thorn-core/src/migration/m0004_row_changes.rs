//! The tables of watched changes.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::m0001_tables::{create_index, create_tables, drop_tables, long_text, required};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0004_row_changes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        create_tables(manager, [row_change(backend), watch(backend)]).await?;
        let sql = "CREATE INDEX thorn_row_change_mark ON thorn_row_change (mark, txn)";
        create_index(manager, "thorn_row_change", "thorn_row_change_mark", sql).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, ["thorn_watch", "thorn_row_change"]).await
    }
}

/// The changes that triggers noted. SQLite has no hash function, so its marks have any length.
fn row_change(backend: DbBackend) -> TableCreateStatement {
    let mut mark = required("mark");
    if backend == DbBackend::Sqlite {
        mark.text()
    } else {
        mark.string_len(32)
    };
    Table::create()
        .table("thorn_row_change")
        .col(required("id").big_integer().auto_increment().primary_key())
        .col(long_text(required("table_name"), backend))
        .col(required("operation").string_len(16))
        .col(long_text(ColumnDef::new("row_key"), backend))
        .col(mark)
        .col(required("txn").big_integer())
        .col(long_text(ColumnDef::new("old_row"), backend))
        .col(long_text(ColumnDef::new("new_row"), backend))
        .col(required("noted_at").big_integer())
        .to_owned()
}

/// The tables with triggers.
fn watch(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("thorn_watch")
        .col(required("table_name").string_len(190).primary_key())
        // A random id.
        .col(required("installation").string_len(36))
        .col(required("mode").string_len(16))
        .col(long_text(required("definition"), backend))
        .col(required("armed_at").big_integer())
        .to_owned()
}
