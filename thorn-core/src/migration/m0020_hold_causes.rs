//! The causes of holds: why and since when the deliveries of a subscription are held, an index of those that are, and until
//! when a receiver has asked for fewer requests.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::{
    m0001_tables::{add_column, create_index},
    m0002_options::drop_index,
};

pub(super) struct Migration;

const SUBSCRIPTION: &str = "thorn_subscription";
const HELD: &str = "thorn_subscription_held";
const HELD_SINCE: &str = "held_since";
const HELD_REASON: &str = "held_reason";
const HELD_STATUS: &str = "held_status";
const HELD_ERROR: &str = "held_error";

const PACE: &str = "thorn_pace";
const SLOWED_UNTIL: &str = "slowed_until";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0020_hold_causes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, SUBSCRIPTION, ColumnDef::new(HELD_SINCE).big_integer()).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(HELD_REASON).string_len(16)).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(HELD_STATUS).integer()).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(HELD_ERROR).string_len(190)).await?;
        // In microseconds since 1970, as the number beside it.
        add_column(manager, PACE, ColumnDef::new(SLOWED_UNTIL).big_integer()).await?;
        let partial = match manager.get_database_backend() {
            DbBackend::MySql => "",
            _ => " WHERE held_until IS NOT NULL",
        };
        let sql = format!("CREATE INDEX {HELD} ON {SUBSCRIPTION} (held_until){partial}");
        create_index(manager, SUBSCRIPTION, HELD, &sql).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, SUBSCRIPTION, HELD).await?;
        let columns = [
            (PACE, SLOWED_UNTIL),
            (SUBSCRIPTION, HELD_ERROR),
            (SUBSCRIPTION, HELD_STATUS),
            (SUBSCRIPTION, HELD_REASON),
            (SUBSCRIPTION, HELD_SINCE),
        ];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
