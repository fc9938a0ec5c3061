//! The tables of the first release.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0001_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [event(backend), subscription(), registry(), delivery(), attempt()] {
            manager.create_table(table).await?;
        }
        let db = manager.get_connection();
        db.execute_unprepared("INSERT INTO thorn_registry (id, version) VALUES (1, 0)").await?;
        for statement in indexes(backend) {
            db.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["thorn_attempt", "thorn_delivery", "thorn_registry", "thorn_subscription", "thorn_event"] {
            manager.drop_table(Table::drop().table(table).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}

/// A column that is never null.
fn required(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.not_null();
    column
}

fn event(backend: DbBackend) -> TableCreateStatement {
    let mut body = required("body");
    // MySQL's TEXT ends at 64 KiB.
    if backend == DbBackend::MySql {
        body.custom("mediumtext")
    } else {
        body.text()
    };
    Table::create()
        .table("thorn_event")
        .col(required("id").uuid().primary_key())
        .col(required("name").string_len(190))
        .col(ColumnDef::new("sender").string_len(190))
        .col(required("broadcast").boolean())
        .col(body)
        .col(ColumnDef::new("options").text())
        .col(required("created_at").big_integer())
        .col(ColumnDef::new("relayed_at").big_integer())
        .col(ColumnDef::new("fanout").integer())
        .col(ColumnDef::new("registry_version").big_integer())
        .col(ColumnDef::new("audit_at").big_integer())
        .to_owned()
}

fn subscription() -> TableCreateStatement {
    Table::create()
        .table("thorn_subscription")
        .col(required("id").uuid().primary_key())
        .col(ColumnDef::new("owner").string_len(190))
        .col(required("pattern").string_len(190))
        .col(required("url").string_len(2048))
        .col(required("secret").text())
        .col(required("digest").string_len(16))
        .col(required("content_type").string_len(64))
        .col(ColumnDef::new("disabled_at").big_integer())
        .col(ColumnDef::new("disabled_reason").string_len(190))
        // Hash of owner, URL and pattern; null once deleted, so that it may be made again.
        .col(ColumnDef::new("identity").string_len(64).unique_key())
        .col(required("created_at").big_integer())
        .col(required("updated_at").big_integer())
        .col(ColumnDef::new("deleted_at").big_integer())
        .col(required("created_version").big_integer())
        .col(required("version").big_integer())
        .to_owned()
}

fn registry() -> TableCreateStatement {
    Table::create()
        .table("thorn_registry")
        .col(required("id").integer().primary_key())
        .col(required("version").big_integer())
        .to_owned()
}

/// What an attempt leaves behind; the same in the delivery (its latest) and in its history.
fn attempt_columns(table: &mut TableCreateStatement) -> &mut TableCreateStatement {
    table
        .col(ColumnDef::new("attempted_at").big_integer())
        .col(ColumnDef::new("duration_ms").integer())
        .col(ColumnDef::new("outcome").string_len(16))
        .col(ColumnDef::new("status_code").integer())
        .col(ColumnDef::new("error").text())
        .col(ColumnDef::new("response").text())
}

fn delivery() -> TableCreateStatement {
    attempt_columns(
        Table::create()
            .table("thorn_delivery")
            .col(required("id").uuid().primary_key())
            .col(required("event_id").uuid())
            .col(required("subscription_id").uuid())
            .col(required("state").string_len(16))
            .col(required("attempts").integer())
            .col(ColumnDef::new("next_attempt_at").big_integer())
            .col(required("created_at").big_integer()),
    )
    .to_owned()
}

fn attempt() -> TableCreateStatement {
    attempt_columns(
        Table::create().table("thorn_attempt").col(required("delivery_id").uuid()).col(required("number").integer()),
    )
    .primary_key(Index::create().col("delivery_id").col("number"))
    .to_owned()
}

/// Indexes for the questions that are asked again and again. Where the database can, they hold only
/// the rows that still need work, so that history doesn't slow the claim.
fn indexes(backend: DbBackend) -> Vec<String> {
    let open_work = [
        ("thorn_event_unrelayed", "thorn_event", "relayed_at", "id"),
        ("thorn_event_audit", "thorn_event", "audit_at", "id"),
        ("thorn_delivery_due", "thorn_delivery", "next_attempt_at", "subscription_id"),
    ]
    .map(|(name, table, column, then)| match (backend, column) {
        (DbBackend::MySql, _) => format!("CREATE INDEX {name} ON {table} ({column}, {then})"),
        (_, "relayed_at") => format!("CREATE INDEX {name} ON {table} ({then}) WHERE {column} IS NULL"),
        _ => format!("CREATE INDEX {name} ON {table} ({column}, {then}) WHERE {column} IS NOT NULL"),
    });
    let lookups = [
        "CREATE INDEX thorn_subscription_owner ON thorn_subscription (owner)",
        "CREATE INDEX thorn_subscription_version ON thorn_subscription (version)",
        "CREATE INDEX thorn_delivery_event ON thorn_delivery (event_id)",
        "CREATE INDEX thorn_delivery_subscription ON thorn_delivery (subscription_id, created_at)",
    ]
    .map(str::to_owned);
    open_work.into_iter().chain(lookups).collect()
}
