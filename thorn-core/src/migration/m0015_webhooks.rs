//! The tables of the Hooks app: events by name, webhooks, and which of them are linked.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::m0001_tables::{create_index, create_tables, drop_tables, long_text, required};

pub(super) struct Migration;

const EVENT_TYPE: &str = "thorn_event_type";
const WEBHOOK: &str = "thorn_webhook";
const LINK: &str = "thorn_webhook_event";
const BY_EVENT: &str = "thorn_webhook_event_event";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0015_webhooks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        create_tables(manager, [event_type(), webhook(backend), link()]).await?;
        for (table, name) in [(EVENT_TYPE, "thorn_event_type_name"), (WEBHOOK, "thorn_webhook_name")] {
            let sql = format!("CREATE UNIQUE INDEX {name} ON {table} (owner, name)");
            create_index(manager, table, name, &sql).await?;
        }
        let sql = format!("CREATE INDEX {BY_EVENT} ON {LINK} (event_type_id)");
        create_index(manager, LINK, BY_EVENT, &sql).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, [LINK, WEBHOOK, EVENT_TYPE]).await
    }
}

fn event_type() -> TableCreateStatement {
    Table::create()
        .table(EVENT_TYPE)
        .col(id())
        // Empty for an operator's.
        .col(required("owner").string_len(190))
        .col(required("name").string_len(190))
        .col(required("created_at").big_integer())
        .to_owned()
}

fn webhook(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table(WEBHOOK)
        .col(id())
        // Empty for an operator's.
        .col(required("owner").string_len(190))
        .col(required("name").string_len(200))
        .col(required("url").string_len(2048))
        .col(long_text(required("secret"), backend))
        .col(required("created_at").big_integer())
        .col(required("updated_at").big_integer())
        .to_owned()
}

fn link() -> TableCreateStatement {
    Table::create()
        .table(LINK)
        .col(required("webhook_id").big_integer())
        .col(required("event_type_id").big_integer())
        .primary_key(Index::create().col("webhook_id").col("event_type_id"))
        .to_owned()
}

/// A number that is never given again, because ids of subscriptions are derived from it.
fn id() -> ColumnDef {
    required("id").big_integer().auto_increment().primary_key().to_owned()
}
