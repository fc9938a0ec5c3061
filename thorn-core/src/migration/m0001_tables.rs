//! The tables of the first release.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
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
        let db = manager.get_connection();
        let backend = db.get_database_backend();
        let tables = [event(backend), subscription(backend), registry(), delivery(backend), attempt(backend)];
        create_tables(manager, tables).await?;
        if db.query_one_raw(Statement::from_string(backend, "SELECT id FROM thorn_registry")).await?.is_none() {
            db.execute_unprepared("INSERT INTO thorn_registry (id, version) VALUES (1, 0)").await?;
        }
        for (table, name, sql) in indexes(backend) {
            create_index(manager, table, name, &sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, ["thorn_attempt", "thorn_delivery", "thorn_registry", "thorn_subscription", "thorn_event"])
            .await
    }
}

/// Creates the tables that don't exist yet. On MySQL, their texts are compared exactly.
pub(super) async fn create_tables(
    manager: &SchemaManager<'_>,
    tables: impl IntoIterator<Item = TableCreateStatement>,
) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let is_mysql = db.get_database_backend() == DbBackend::MySql;
    let collation = if is_mysql { Some(exact_collation(db).await?) } else { None };
    for mut table in tables {
        if let Some(collation) = collation {
            table.character_set("utf8mb4").collate(collation).engine("InnoDB");
        }
        manager.create_table(table.if_not_exists().to_owned()).await?;
    }
    Ok(())
}

/// Drops the tables that exist.
pub(super) async fn drop_tables(
    manager: &SchemaManager<'_>,
    tables: impl IntoIterator<Item = &'static str>,
) -> Result<(), DbErr> {
    for table in tables {
        manager.drop_table(Table::drop().table(table).if_exists().to_owned()).await?;
    }
    Ok(())
}

/// Adds the column unless an earlier run, which MySQL doesn't roll back, has added it.
pub(super) async fn add_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &mut ColumnDef,
) -> Result<(), DbErr> {
    if manager.has_column(table, column.get_column_name()).await? {
        return Ok(());
    }
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}

/// Creates an index, unless an interrupted migration has already created it.
pub(super) async fn create_index(manager: &SchemaManager<'_>, table: &str, name: &str, sql: &str) -> Result<(), DbErr> {
    if !manager.has_index(table, name).await? {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}

/// The collation that distinguishes `a` from `A` and from `a `, as other databases do.
///
/// Otherwise an owner could see the subscriptions of an owner with a similar name.
async fn exact_collation<C: ConnectionTrait>(db: &C) -> Result<&'static str, DbErr> {
    let version = Statement::from_string(DbBackend::MySql, "SELECT VERSION() AS version");
    let version: String =
        db.query_one_raw(version).await?.map_or(Ok(String::new()), |row| row.try_get("", "version"))?;
    Ok(if version.contains("MariaDB") { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" })
}

/// Makes the column a text of practically any length. MySQL's TEXT has at most 64 KiB.
pub(super) fn long_text(mut column: ColumnDef, backend: DbBackend) -> ColumnDef {
    if backend == DbBackend::MySql {
        column.custom("mediumtext")
    } else {
        column.text()
    };
    column
}

/// A column that is never null.
pub(super) fn required(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.not_null();
    column
}

fn event(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("thorn_event")
        .col(required("id").uuid().primary_key())
        .col(required("name").string_len(190))
        .col(ColumnDef::new("sender").string_len(190))
        .col(required("broadcast").boolean())
        .col(long_text(required("body"), backend))
        .col(long_text(ColumnDef::new("options"), backend))
        .col(required("created_at").big_integer())
        .col(ColumnDef::new("relayed_at").big_integer())
        .col(ColumnDef::new("fanout").integer())
        .col(ColumnDef::new("registry_version").big_integer())
        .col(ColumnDef::new("audit_at").big_integer())
        .to_owned()
}

fn subscription(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("thorn_subscription")
        .col(required("id").uuid().primary_key())
        .col(ColumnDef::new("owner").string_len(190))
        .col(required("pattern").string_len(190))
        .col(required("url").string_len(2048))
        .col(long_text(required("secret"), backend))
        .col(required("digest").string_len(16))
        .col(required("content_type").string_len(64))
        .col(ColumnDef::new("disabled_at").big_integer())
        .col(ColumnDef::new("disabled_reason").string_len(190))
        // A hash of owner, URL and pattern. It is null once deleted, so that the subscription can be made again.
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

/// The columns of an attempt, in `thorn_attempt` and, for the latest attempt, in `thorn_delivery`.
fn attempt_columns(table: &mut TableCreateStatement, backend: DbBackend) -> &mut TableCreateStatement {
    table
        .col(ColumnDef::new("attempted_at").big_integer())
        .col(ColumnDef::new("duration_ms").integer())
        .col(ColumnDef::new("outcome").string_len(16))
        .col(ColumnDef::new("status_code").integer())
        .col(long_text(ColumnDef::new("error"), backend))
        .col(long_text(ColumnDef::new("response"), backend))
}

fn delivery(backend: DbBackend) -> TableCreateStatement {
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
        backend,
    )
    .to_owned()
}

fn attempt(backend: DbBackend) -> TableCreateStatement {
    attempt_columns(
        Table::create().table("thorn_attempt").col(required("delivery_id").uuid()).col(required("number").integer()),
        backend,
    )
    .primary_key(Index::create().col("delivery_id").col("number"))
    .to_owned()
}

/// Indexes for frequent queries. On databases with partial indexes, those for open work contain only rows that
/// need work, so that history doesn't slow down claims.
fn indexes(backend: DbBackend) -> Vec<(&'static str, &'static str, String)> {
    let open_work = [
        ("thorn_event", "thorn_event_unrelayed", "relayed_at", "id"),
        ("thorn_event", "thorn_event_audit", "audit_at", "id"),
        ("thorn_delivery", "thorn_delivery_due", "next_attempt_at", "subscription_id"),
    ]
    .map(|(table, name, column, second)| {
        let sql = match (backend, column) {
            (DbBackend::MySql, _) => format!("CREATE INDEX {name} ON {table} ({column}, {second})"),
            (_, "relayed_at") => format!("CREATE INDEX {name} ON {table} ({second}) WHERE {column} IS NULL"),
            _ => format!("CREATE INDEX {name} ON {table} ({column}, {second}) WHERE {column} IS NOT NULL"),
        };
        (table, name, sql)
    });
    let lookups = [
        ("thorn_subscription", "thorn_subscription_owner", "owner"),
        ("thorn_subscription", "thorn_subscription_version", "version"),
        ("thorn_delivery", "thorn_delivery_event", "event_id"),
        ("thorn_delivery", "thorn_delivery_subscription", "subscription_id, created_at"),
    ]
    .map(|(table, name, columns)| (table, name, format!("CREATE INDEX {name} ON {table} ({columns})")));
    open_work.into_iter().chain(lookups).collect()
}
