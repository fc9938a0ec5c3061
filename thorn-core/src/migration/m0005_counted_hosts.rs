//! The hosts of owners' subscriptions, which the quotas count.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, prelude::Uuid, sea_query::Expr};
use sea_orm_migration::prelude::*;

use super::{
    m0001_tables::{add_column, create_index},
    m0002_options::drop_index,
};
use crate::{
    spec::normal_host,
    tables::subscription::{Column, Entity},
};

pub(super) struct Migration;

const SUBSCRIPTION: &str = "thorn_subscription";
const COUNTED_HOST: &str = "counted_host";
const INDEX: &str = "thorn_subscription_counted";

/// The index that the new one replaces. PostgreSQL would prefer it for the count, and read all deleted rows of the owner.
const FORMER_INDEX: &str = "thorn_subscription_owner";

/// How many rows one statement updates.
const ROWS_PER_UPDATE: usize = 500;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0005_counted_hosts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, SUBSCRIPTION, ColumnDef::new(COUNTED_HOST).string_len(190)).await?;
        // Deleted rows have no counted host. The index keeps them out of the count, however many there are.
        let sql = format!("CREATE INDEX {INDEX} ON {SUBSCRIPTION} (owner, {COUNTED_HOST})");
        create_index(manager, SUBSCRIPTION, INDEX, &sql).await?;
        drop_index(manager, SUBSCRIPTION, FORMER_INDEX).await?;
        count_present(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = format!("CREATE INDEX {FORMER_INDEX} ON {SUBSCRIPTION} (owner)");
        create_index(manager, SUBSCRIPTION, FORMER_INDEX, &sql).await?;
        drop_index(manager, SUBSCRIPTION, INDEX).await?;
        manager.alter_table(Table::alter().table(SUBSCRIPTION).drop_column(COUNTED_HOST).to_owned()).await
    }
}

/// Writes the hosts of the subscriptions that exist already.
async fn count_present(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let rows: Vec<(Uuid, String)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Url])
        .filter(Column::Owner.is_not_null())
        .filter(Column::Source.is_null())
        .filter(Column::DeletedAt.is_null())
        .filter(Column::CountedHost.is_null())
        .into_tuple()
        .all(db)
        .await?;
    let mut by_host: HashMap<String, Vec<Uuid>> = HashMap::new();
    for (id, url) in rows {
        by_host.entry(normal_host(&url)).or_default().push(id);
    }
    for (host, ids) in by_host {
        for ids in ids.chunks(ROWS_PER_UPDATE) {
            Entity::update_many()
                .col_expr(Column::CountedHost, Expr::value(host.as_str()))
                .filter(Column::Id.is_in(ids.iter().copied()))
                .exec(db)
                .await?;
        }
    }
    Ok(())
}
