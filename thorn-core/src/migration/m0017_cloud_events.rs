//! CloudEvents that came in, so that each becomes one event.

use sea_orm_migration::prelude::*;

use super::m0001_tables::{create_index, create_tables, drop_tables, required};

pub(super) struct Migration;

const TABLE: &str = "thorn_cloud_event";
const EVENT: &str = "thorn_cloud_event_event";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0017_cloud_events"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(required("fingerprint").string_len(64).primary_key())
            .col(required("event_id").uuid())
            .to_owned();
        create_tables(manager, [table]).await?;
        // Retention deletes the rows of events.
        create_index(manager, TABLE, EVENT, &format!("CREATE INDEX {EVENT} ON {TABLE} (event_id)")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, [TABLE]).await
    }
}
