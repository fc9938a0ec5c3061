//! The purge of deleted subscriptions: how far it went, and an index of what it looks at.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::{
    m0001_tables::{add_column, create_index},
    m0002_options::drop_index,
};

pub(super) struct Migration;

const REGISTRY: &str = "thorn_registry";
const PURGED_VERSION: &str = "purged_version";
const SUBSCRIPTION: &str = "thorn_subscription";
const INDEX: &str = "thorn_subscription_deleted";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0006_purged_subscriptions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The highest version among the purged rows.
        let mut column = ColumnDef::new(PURGED_VERSION).big_integer().not_null().default(0).to_owned();
        add_column(manager, REGISTRY, &mut column).await?;
        let some =
            if manager.get_database_backend() == DbBackend::MySql { "" } else { " WHERE deleted_at IS NOT NULL" };
        let sql = format!("CREATE INDEX {INDEX} ON {SUBSCRIPTION} (deleted_at, id){some}");
        create_index(manager, SUBSCRIPTION, INDEX, &sql).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, SUBSCRIPTION, INDEX).await?;
        manager.alter_table(Table::alter().table(REGISTRY).drop_column(PURGED_VERSION).to_owned()).await
    }
}
