//! What a subscription may choose besides URL and pattern, and who dispatches an event.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0002_options"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for (table, mut column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(&mut column).to_owned()).await?;
        }
        drop_index(manager, "thorn_event_unrelayed").await?;
        for statement in indexes(manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["thorn_event_unheard", "thorn_event_undispatched", "thorn_event_unrelayed"] {
            drop_index(manager, index).await?;
        }
        for (table, column) in columns() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await?;
        }
        let unrelayed = match manager.get_database_backend() {
            DbBackend::MySql => "CREATE INDEX thorn_event_unrelayed ON thorn_event (relayed_at, id)",
            _ => "CREATE INDEX thorn_event_unrelayed ON thorn_event (id) WHERE relayed_at IS NULL",
        };
        manager.get_connection().execute_unprepared(unrelayed).await?;
        Ok(())
    }
}

async fn drop_index(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table("thorn_event").to_owned()).await
}

/// What nobody heard of, for its deletion; what waits for the queue, and what for each dispatcher, so
/// that a backlog of one slows none of the others.
const fn indexes(backend: DbBackend) -> [&'static str; 3] {
    match backend {
        DbBackend::MySql => [
            "CREATE INDEX thorn_event_unheard ON thorn_event (fanout, id)",
            "CREATE INDEX thorn_event_unrelayed ON thorn_event (relayed_at, dispatcher, id)",
            "CREATE INDEX thorn_event_undispatched ON thorn_event (dispatcher, relayed_at, id)",
        ],
        _ => [
            "CREATE INDEX thorn_event_unheard ON thorn_event (id) WHERE fanout = 0",
            "CREATE INDEX thorn_event_unrelayed ON thorn_event (id) WHERE relayed_at IS NULL AND dispatcher IS NULL",
            "CREATE INDEX thorn_event_undispatched ON thorn_event (dispatcher, id) \
             WHERE relayed_at IS NULL AND dispatcher IS NOT NULL",
        ],
    }
}

fn columns() -> [(&'static str, ColumnDef); 7] {
    [
        // A condition on the payload, as JSON.
        ("thorn_subscription", ColumnDef::new("filter").text().to_owned()),
        // The registry's version since which it hears of these events.
        ("thorn_subscription", ColumnDef::new("hears_version").big_integer().not_null().default(0).to_owned()),
        // Headers of its own as JSON, sealed like the secret.
        ("thorn_subscription", ColumnDef::new("headers").text().to_owned()),
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
