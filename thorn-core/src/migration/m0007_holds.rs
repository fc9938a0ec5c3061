//! Holds and warnings: until when the deliveries of a failing subscription are held, how many attempts were probes, and
//! which warning its owner has had.

use sea_orm_migration::prelude::*;

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
        add(manager, SUBSCRIPTION, ColumnDef::new(HELD_UNTIL).big_integer(), HELD_UNTIL).await?;
        add(manager, SUBSCRIPTION, ColumnDef::new(HELD_STEP).integer().not_null().default(0), HELD_STEP).await?;
        add(manager, SUBSCRIPTION, ColumnDef::new(PROBED_UNTIL).big_integer(), PROBED_UNTIL).await?;
        add(manager, SUBSCRIPTION, ColumnDef::new(WARNED).integer().not_null().default(0), WARNED).await?;
        // No database rewrites the table for a new column with a constant default.
        add(manager, DELIVERY, ColumnDef::new(UNCOUNTED).integer().not_null().default(0), UNCOUNTED).await
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

/// Adds the column unless an earlier run, which MySQL doesn't roll back, has added it.
async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &mut ColumnDef,
    name: &str,
) -> Result<(), DbErr> {
    if manager.has_column(table, name).await? {
        return Ok(());
    }
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}
