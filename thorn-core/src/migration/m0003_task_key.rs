//! The key of the queue's tasks, and subscriptions' identities with normal URLs.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use sea_orm_migration::prelude::*;

use super::m0001_tables::add_column;
use crate::{
    spec::Identity,
    tables::subscription::{Column, Entity},
};

pub(super) struct Migration;

const REGISTRY: &str = "thorn_registry";
const TASK_KEY: &str = "task_key";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0003_task_key"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // 32 random bytes in base64. The first worker makes them.
        add_column(manager, REGISTRY, ColumnDef::new(TASK_KEY).string_len(64)).await?;
        normalise_identities(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(REGISTRY).drop_column(TASK_KEY).to_owned()).await
    }
}

/// The columns that make a subscription unique, with its id and its present identity.
type Row = (uuid::Uuid, Option<String>, String, String, Option<String>, Option<String>, Option<String>);

/// Writes identities in which the URL has its normal spelling. Release 0.1 took the URL as it was given, so an owner
/// may have one subscription in two spellings. The second then keeps its identity: both stay, and both are delivered
/// to.
async fn normalise_identities(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let rows: Vec<Row> = Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::Owner,
            Column::Url,
            Column::Pattern,
            Column::Filter,
            Column::Source,
            Column::Identity,
        ])
        .filter(Column::Identity.is_not_null())
        .into_tuple()
        .all(db)
        .await?;
    let mut taken: HashSet<String> = rows.iter().filter_map(|row| row.6.clone()).collect();
    for (id, owner, url, pattern, filter, source, present) in rows {
        let identity = Identity {
            owner: owner.as_deref(),
            url: &url,
            pattern: &pattern,
            filter: filter.as_deref().map(Into::into),
            source: source.as_deref(),
        }
        .hash();
        if present.as_ref() == Some(&identity) || !taken.insert(identity.clone()) {
            continue;
        }
        Entity::update_many()
            .col_expr(Column::Identity, Expr::value(identity))
            .filter(Column::Id.eq(id))
            .exec(db)
            .await?;
    }
    Ok(())
}
