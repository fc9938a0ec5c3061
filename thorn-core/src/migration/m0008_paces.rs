//! Rates and pauses: the rate of each subscription, the time up to which its slots are taken, and since when
//! it is paused.

use sea_orm_migration::prelude::*;

use super::m0001_tables::add_column;

pub(super) struct Migration;

const SUBSCRIPTION: &str = "thorn_subscription";
const RATE: &str = "rate";
const PAUSED_AT: &str = "paused_at";
const PACE: &str = "thorn_pace";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0008_paces"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, SUBSCRIPTION, ColumnDef::new(RATE).string_len(32)).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(PAUSED_AT).big_integer()).await?;
        let pace = Table::create()
            .table(PACE)
            .if_not_exists()
            .col(ColumnDef::new("subscription_id").uuid().not_null().primary_key())
            // In microseconds since 1970.
            .col(ColumnDef::new("taken_until").big_integer().not_null())
            .to_owned();
        manager.create_table(pace).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(PACE).if_exists().to_owned()).await?;
        for column in [PAUSED_AT, RATE] {
            manager.alter_table(Table::alter().table(SUBSCRIPTION).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
