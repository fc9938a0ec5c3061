//! Measures the cost of `thorn::watch`: writes of a table without triggers, and in each mode.
//!
//! `THORN_BENCH_DATABASE_URL` chooses the database, which must be empty. Default: a SQLite file.

use std::time::Instant;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Schema, Set};
use thorn::{
    migrate,
    watch::{self, Watch},
};

const ROWS: i32 = 2_000;

#[allow(unreachable_pub, reason = "SeaORM derives public items")]
mod note {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "note.created",
        on_change = "note.changed",
        on_delete = "note.removed"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bench_note")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub title: String,
        pub body: String,
    }
}

pub(crate) fn measure() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let file = format!("sqlite://{}/bench.db", folder.path().display());
        let url = std::env::var("THORN_BENCH_DATABASE_URL").unwrap_or(file);
        let db = thorn::connect(&url).await?;
        migrate(&db).await?;
        db.execute(&Schema::new(db.get_database_backend()).create_table_from_entity(note::Entity)).await?;
        println!("{ROWS} rows, microseconds each:");
        // The first round warms up.
        for (mode, watch) in [
            ("(warm-up)", None),
            ("not watched", None),
            ("report", Some(Watch::report())),
            ("announce", Some(Watch::announce())),
        ] {
            if let Some(watch) = watch {
                watch::install(&db, watch.model::<note::Entity>()).await?;
            }
            println!("{mode}: {}", round(&db).await?);
            watch::remove(&db).await?;
        }
        Ok(())
    })
}

/// Writes the rows in three ways, and deletes them.
async fn round(db: &DatabaseConnection) -> anyhow::Result<String> {
    let each = |started: Instant| started.elapsed().as_micros() / ROWS.unsigned_abs() as u128;
    let body = "x".repeat(200);
    let started = Instant::now();
    for id in 0..ROWS {
        note::ActiveModel { id: Set(id), title: Set("a".into()), body: Set(body.clone()) }.insert(db).await?;
    }
    let hooked = each(started);
    let started = Instant::now();
    for id in 0..ROWS {
        db.execute_unprepared(&format!("UPDATE bench_note SET title = 'b' WHERE id = {id}")).await?;
    }
    let statement = each(started);
    let started = Instant::now();
    db.execute_unprepared("UPDATE bench_note SET title = 'c'").await?;
    let bulk = each(started);
    for table in ["bench_note", "thorn_event", "thorn_row_change"] {
        db.execute_unprepared(&format!("DELETE FROM {table}")).await?;
    }
    Ok(format!("{hooked} saved by a hook, {statement} by a statement for each, {bulk} by one statement for all"))
}
