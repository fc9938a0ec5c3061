//! Columns for the options of subscriptions, and for the dispatcher of an event.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

use super::m0001_tables::{add_column, create_index, long_text};

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
        // SQLite adds one column per statement. Columns of an interrupted migration are skipped.
        for (table, mut column) in columns(backend) {
            add_column(manager, table, &mut column).await?;
        }
        for (table, name, sql) in indexes(backend) {
            if name == UNRELAYED {
                replace_unrelayed(manager, sql).await?;
            } else {
                create_index(manager, table, name, sql).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, index, _) in indexes(manager.get_database_backend()) {
            drop_index(manager, table, index).await?;
        }
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

/// Replaces the index in one round trip, so that both statements run on the same connection.
///
/// An application's migrator uses no transaction on SQLite, so each call may get another connection of the pool. A
/// connection that has cached the schema with the old index would refuse to create the new one.
pub(super) async fn replace_unrelayed(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::MySql {
        drop_index(manager, "thorn_event", UNRELAYED).await?;
        return create_index(manager, "thorn_event", UNRELAYED, sql).await;
    }
    manager.get_connection().execute_unprepared(&format!("DROP INDEX IF EXISTS {UNRELAYED}; {sql}")).await?;
    Ok(())
}

/// Drops an index, unless an interrupted migration has already dropped it.
pub(super) async fn drop_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
) -> Result<(), DbErr> {
    if !manager.has_index(table, name).await? {
        return Ok(());
    }
    manager.drop_index(Index::drop().name(name).table(table).to_owned()).await
}

/// Indexes for the deletion of unmatched events, and for the work of the queue, of each dispatcher and of each
/// subscription. With separate indexes, the backlog of one doesn't slow down the others.
const fn indexes(backend: DbBackend) -> [(&'static str, &'static str, &'static str); 4] {
    let (unmatched, unrelayed, undispatched, waiting) = match backend {
        DbBackend::MySql => (
            "CREATE INDEX thorn_event_unheard ON thorn_event (fanout, id)",
            "CREATE INDEX thorn_event_unrelayed ON thorn_event (relayed_at, dispatcher, id)",
            "CREATE INDEX thorn_event_undispatched ON thorn_event (dispatcher, relayed_at, id)",
            "CREATE INDEX thorn_delivery_waiting ON thorn_delivery (subscription_id, next_attempt_at)",
        ),
        _ => (
            "CREATE INDEX thorn_event_unheard ON thorn_event (id) WHERE fanout = 0",
            "CREATE INDEX thorn_event_unrelayed ON thorn_event (id) WHERE relayed_at IS NULL AND dispatcher IS NULL",
            "CREATE INDEX thorn_event_undispatched ON thorn_event (dispatcher, id) \
             WHERE relayed_at IS NULL AND dispatcher IS NOT NULL",
            "CREATE INDEX thorn_delivery_waiting ON thorn_delivery (subscription_id, next_attempt_at) \
             WHERE state = 'waiting'",
        ),
    };
    [
        ("thorn_event", "thorn_event_unheard", unmatched),
        ("thorn_event", UNRELAYED, unrelayed),
        ("thorn_event", "thorn_event_undispatched", undispatched),
        ("thorn_delivery", "thorn_delivery_waiting", waiting),
    ]
}

fn columns(backend: DbBackend) -> [(&'static str, ColumnDef); 7] {
    [
        // The filter on the payload, as JSON.
        ("thorn_subscription", long_text(ColumnDef::new("filter"), backend)),
        // The version of the registry that last changed which events the subscription matches.
        ("thorn_subscription", ColumnDef::new("hears_version").big_integer().not_null().default(0).to_owned()),
        // Extra headers as JSON, encrypted like the secret.
        ("thorn_subscription", long_text(ColumnDef::new("headers"), backend)),
        // The algorithm for `Hook-HMAC`.
        ("thorn_subscription", ColumnDef::new("signer").string_len(16).not_null().default("hmac").to_owned()),
        // The configuration it comes from; null if it was made through the API.
        ("thorn_subscription", ColumnDef::new("source").string_len(190).to_owned()),
        // The time since when every delivery has failed; null while deliveries succeed.
        ("thorn_subscription", ColumnDef::new("failing_since").big_integer().to_owned()),
        // The name of the dispatcher that takes the event; null means the queue.
        ("thorn_event", ColumnDef::new("dispatcher").string_len(64).to_owned()),
    ]
}
