//! Sessions of browsers that read streams.

use sea_orm_migration::prelude::*;

use super::m0001_tables::{create_index, create_tables, drop_tables, required};

pub(super) struct Migration;

const SESSION: &str = "thorn_stream_session";
const INDEXES: [(&str, &str); 2] =
    [("thorn_stream_session_key", "api_key_id"), ("thorn_stream_session_expiry", "expires_at")];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0016_stream_sessions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_tables(manager, [session()]).await?;
        for (name, column) in INDEXES {
            create_index(manager, SESSION, name, &format!("CREATE INDEX {name} ON {SESSION} ({column})")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, [SESSION]).await
    }
}

fn session() -> TableCreateStatement {
    Table::create()
        .table(SESSION)
        .col(required("hash").string_len(64).primary_key())
        .col(required("api_key_id").uuid())
        .col(required("expires_at").big_integer())
        .to_owned()
}
