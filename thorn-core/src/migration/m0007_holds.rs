//! Holds and warnings: until when the deliveries of a failing subscription are held, how many attempts were probes, and
//! which warning its owner has had.

use sea_orm_migration::prelude::*;

use super::m0001_tables::add_column;

pub(super) struct Migration;

const SUBSCRIPTION: &str = "thorn_subscription";
const HELD_UNTIL: &str = "held_until";
const HELD_STEP: &str = "held_step";
const PROBED_UNTIL: &str = "probed_until";
const WARNED: &str = "warned";

const DELIVERY: &str = "thorn_delivery";
const UNCOUNTED: &str = "uncounted";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0007_holds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, SUBSCRIPTION, ColumnDef::new(HELD_UNTIL).big_integer()).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(HELD_STEP).integer().not_null().default(0)).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(PROBED_UNTIL).big_integer()).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(WARNED).integer().not_null().default(0)).await?;
        // No database rewrites the table for a new column with a constant default.
        add_column(manager, DELIVERY, ColumnDef::new(UNCOUNTED).integer().not_null().default(0)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            (DELIVERY, UNCOUNTED),
            (SUBSCRIPTION, WARNED),
            (SUBSCRIPTION, PROBED_UNTIL),
            (SUBSCRIPTION, HELD_STEP),
            (SUBSCRIPTION, HELD_UNTIL),
        ];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
