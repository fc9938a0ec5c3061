//! Raw events: the media type of each, and their bodies in a table of their own.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::m0001_tables::add_column;

pub(super) struct Migration;

const EVENT: &str = "thorn_event";
const MEDIA_TYPE: &str = "media_type";
const PAYLOAD: &str = "thorn_payload";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0010_payloads"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null is an enveloped event, and an empty text a raw one without a media type.
        add_column(manager, EVENT, ColumnDef::new(MEDIA_TYPE).string_len(255)).await?;
        let mut bytes = ColumnDef::new("bytes");
        match manager.get_database_backend() {
            // A BLOB of MySQL has at most 64 KiB.
            DbBackend::MySql => bytes.custom("mediumblob"),
            _ => bytes.blob(),
        };
        let payload = Table::create()
            .table(PAYLOAD)
            .if_not_exists()
            .col(ColumnDef::new("event_id").uuid().not_null().primary_key())
            .col(bytes.not_null())
            .to_owned();
        manager.create_table(payload).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(PAYLOAD).if_exists().to_owned()).await?;
        manager.alter_table(Table::alter().table(EVENT).drop_column(MEDIA_TYPE).to_owned()).await
    }
}
