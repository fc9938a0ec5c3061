//! Confirmations: whether the endpoint of an owner's subscription wants its deliveries.

use sea_orm_migration::prelude::*;

use super::m0001_tables::add_column;

pub(super) struct Migration;

const SUBSCRIPTION: &str = "thorn_subscription";
const CONFIRMATION: &str = "confirmation";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0018_confirmations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, SUBSCRIPTION, ColumnDef::new(CONFIRMATION).string_len(32)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(SUBSCRIPTION).drop_column(CONFIRMATION).to_owned()).await
    }
}
