//! The log of committed events, and the cursors that consumers keep on the server.
//!
//! The column `thorn_event.position` isn't made here: [`switch_on`](crate::log::switch_on) makes it where somebody asks
//! for the log, so that others pay neither for the column nor for its indexes.

use sea_orm_migration::prelude::*;

use super::m0001_tables::{create_tables, drop_tables, required};

pub(super) struct Migration;

const LOG: &str = "thorn_log";
const CONSUMER: &str = "thorn_consumer";
const EVENT: &str = "thorn_event";
const POSITION: &str = "position";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0011_log"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_tables(manager, [log(), consumer()]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, [CONSUMER, LOG]).await?;
        for index in ["thorn_event_unnumbered", "thorn_event_position"] {
            if manager.has_index(EVENT, index).await? {
                manager.drop_index(Index::drop().name(index).table(EVENT).to_owned()).await?;
            }
        }
        if manager.has_column(EVENT, POSITION).await? {
            manager.alter_table(Table::alter().table(EVENT).drop_column(POSITION).to_owned()).await?;
        }
        Ok(())
    }
}

fn log() -> TableCreateStatement {
    Table::create()
        .table(LOG)
        .col(required("id").integer().primary_key())
        .col(required("last_position").big_integer())
        .col(required("complete_from").big_integer())
        .col(required("check_before").string_len(8))
        .to_owned()
}

fn consumer() -> TableCreateStatement {
    Table::create()
        .table(CONSUMER)
        // Empty for an operator's.
        .col(required("owner").string_len(190))
        .col(required("name").string_len(190))
        .col(required("position").big_integer())
        .col(required("check_digits").string_len(8))
        .col(required("created_at").big_integer())
        .col(required("updated_at").big_integer())
        .primary_key(Index::create().col("owner").col("name"))
        .to_owned()
}
