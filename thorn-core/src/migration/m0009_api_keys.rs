//! API keys of the stand-alone server, and the answers that it remembers for requests that come again.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

use super::m0001_tables::{create_index, exact_collation, long_text, required};

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
        let db = manager.get_connection();
        let backend = db.get_database_backend();
        let collation = if backend == DbBackend::MySql { Some(exact_collation(db).await?) } else { None };
        for mut table in [api_key(backend), idempotency(backend)] {
            if let Some(collation) = collation {
                table.character_set("utf8mb4").collate(collation).engine("InnoDB");
            }
            manager.create_table(table.if_not_exists().to_owned()).await?;
        }
        // For the deletion of expired rows.
        let sql = format!("CREATE INDEX {EXPIRY} ON {IDEMPOTENCY} (expires_at)");
        create_index(manager, IDEMPOTENCY, EXPIRY, &sql).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [IDEMPOTENCY, API_KEY] {
            manager.drop_table(Table::drop().table(table).if_exists().to_owned()).await?;
        }
        Ok(())
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
