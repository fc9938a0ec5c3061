//! What a subscription may choose besides URL and pattern, and who dispatches an event.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

use super::m0001_tables::{create_index, long_text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0002_options"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        // SQLite adds one column at a time. What a migration that was broken off has done is done.
        for (table, mut column) in columns(backend) {
            if !manager.has_column(table, column.get_column_name()).await? {
                manager.alter_table(Table::alter().table(table).add_column(&mut column).to_owned()).await?;
            }
        }
        for (name, sql) in indexes(backend) {
            if name == UNRELAYED {
                replace_unrelayed(manager, sql).await?;
            } else {
                create_index(manager, "thorn_event", name, sql).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["thorn_event_unheard", "thorn_event_undispatched"] {
            drop_index(manager, index).await?;
        }
        // With the column it is about.
        drop_index(manager, UNRELAYED).await?;
        for (table, column) in columns(manager.get_database_backend()) {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await?;
        }
        let unrelayed = match manager.get_database_backend() {
            DbBackend::MySql => "CREATE INDEX thorn_event_unrelayed ON thorn_event (relayed_at, id)",
            _ => "CREATE INDEX thorn_event_unrelayed ON thorn_event (id) WHERE relayed_at IS NULL",
        };
        replace_unrelayed(manager, unrelayed).await
    }
}

const UNRELAYED: &str = "thorn_event_unrelayed";

/// An application's migrator has no transaction on SQLite, and each statement may have another connection
/// of the pool. One that has seen the index would say of its successor that it is there already; so
/// they go together.
async fn replace_unrelayed(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::MySql {
        drop_index(manager, UNRELAYED).await?;
        return create_index(manager, "thorn_event", UNRELAYED, sql).await;
    }
    manager.get_connection().execute_unprepared(&format!("DROP INDEX IF EXISTS {UNRELAYED}; {sql}")).await?;
    Ok(())
}

async fn drop_index(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    if !manager.has_index("thorn_event", name).await? {
        return Ok(());
    }
    manager.drop_index(Index::drop().name(name).table("thorn_event").to_owned()).await
}

/// What nobody heard of, for its deletion; what waits for the queue, and what for each dispatcher, so
/// that a backlog of one slows none of the others.
const fn indexes(backend: DbBackend) -> [(&'static str, &'static str); 3] {
    match backend {
        DbBackend::MySql => [
            ("thorn_event_unheard", "CREATE INDEX thorn_event_unheard ON thorn_event (fanout, id)"),
            ("thorn_event_unrelayed", "CREATE INDEX thorn_event_unrelayed ON thorn_event (relayed_at, dispatcher, id)"),
            (
                "thorn_event_undispatched",
                "CREATE INDEX thorn_event_undispatched ON thorn_event (dispatcher, relayed_at, id)",
            ),
        ],
        _ => [
            ("thorn_event_unheard", "CREATE INDEX thorn_event_unheard ON thorn_event (id) WHERE fanout = 0"),
            (
                "thorn_event_unrelayed",
                "CREATE INDEX thorn_event_unrelayed ON thorn_event (id) WHERE relayed_at IS NULL AND dispatcher IS NULL",
            ),
            (
                "thorn_event_undispatched",
                "CREATE INDEX thorn_event_undispatched ON thorn_event (dispatcher, id) \
             WHERE relayed_at IS NULL AND dispatcher IS NOT NULL",
            ),
        ],
    }
}

fn columns(backend: DbBackend) -> [(&'static str, ColumnDef); 7] {
    [
        // A condition on the payload, as JSON.
        ("thorn_subscription", long_text(ColumnDef::new("filter"), backend)),
        // The registry's version since which it hears of these events.
        ("thorn_subscription", ColumnDef::new("hears_version").big_integer().not_null().default(0).to_owned()),
        // Headers of its own as JSON, sealed like the secret.
        ("thorn_subscription", long_text(ColumnDef::new("headers"), backend)),
        // How `Hook-HMAC` is made.
        ("thorn_subscription", ColumnDef::new("signer").string_len(16).not_null().default("hmac").to_owned()),
        // Which configuration it comes from; null if somebody subscribed.
        ("thorn_subscription", ColumnDef::new("source").string_len(190).to_owned()),
        // Since when nothing has got through to it; null while something does.
        ("thorn_subscription", ColumnDef::new("failing_since").big_integer().to_owned()),
        // Who takes the event instead of the relay; null is the queue.
        ("thorn_event", ColumnDef::new("dispatcher").string_len(64).to_owned()),
    ]
}
