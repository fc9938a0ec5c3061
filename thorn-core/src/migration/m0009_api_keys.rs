//! API keys of the stand-alone server, and the answers that it remembers for requests that come again.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::m0001_tables::{create_index, create_tables, drop_tables, long_text, required};

pub(super) struct Migration;

const API_KEY: &str = "thorn_api_key";
const IDEMPOTENCY: &str = "thorn_idempotency";
const EXPIRY: &str = "thorn_idempotency_expiry";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0009_api_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        create_tables(manager, [api_key(backend), idempotency(backend)]).await?;
        // For the deletion of expired rows.
        let sql = format!("CREATE INDEX {EXPIRY} ON {IDEMPOTENCY} (expires_at)");
        create_index(manager, IDEMPOTENCY, EXPIRY, &sql).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, [IDEMPOTENCY, API_KEY]).await
    }
}

fn api_key(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table(API_KEY)
        .col(required("id").uuid().primary_key())
        .col(required("hash").string_len(64).unique_key())
        .col(ColumnDef::new("owner").string_len(190))
        .col(long_text(required("scopes"), backend))
        .col(required("label").string_len(190))
        .col(required("created_at").big_integer())
        .col(ColumnDef::new("expires_at").big_integer())
        .col(ColumnDef::new("revoked_at").big_integer())
        .to_owned()
}

fn idempotency(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table(IDEMPOTENCY)
        .col(required("api_key_id").uuid())
        .col(required("idempotency_key").string_len(255))
        .col(required("fingerprint").string_len(64))
        .col(long_text(required("answer"), backend))
        .col(ColumnDef::new("event_id").uuid())
        .col(required("expires_at").big_integer())
        .primary_key(Index::create().col("api_key_id").col("idempotency_key"))
        .to_owned()
}
