//! Every way in which SeaORM's API writes a row: what it announces, and that its result is SeaORM's own.
//!
//! Each door is opened twice, on the annotated `page` and on the plain `twin`. Both must return the same, run the same
//! hooks and leave the same rows. What was announced is compared with the table in `docs/doors.md`.
//!
//! SeaORM has no `with_hooks()`. There the plain twin saves or deletes each row by itself, and the same hooks must run,
//! in whatever order.
//!
//! `THORN_REWRITE_DOORS=1 cargo test --all-features --test it doors` writes the column of the database in use.

mod entities;
mod generic;
mod hooked;
mod large;
mod open;
mod table;
mod upserts;

use entities::{Ran, page, ran, twin};
use open::{Door, doors_of_page, doors_of_twin};
use sea_orm::{DatabaseConnection, DbBackend, EntityTrait, QueryOrder};
use table::Announced;

use crate::app::TestApp;

/// Three rows, `a`, `b` and `c`, with the keys 1, 2 and 3.
async fn fresh(test: &TestApp) {
    test.execute("DROP TABLE IF EXISTS page").await;
    test.execute("DROP TABLE IF EXISTS twin").await;
    test.create_table(page::Entity).await;
    test.create_table(twin::Entity).await;
    thorn::without_events(async {
        page::Entity::insert_many(["a", "b", "c"].map(page::row)).exec(test.db()).await.unwrap();
    })
    .await;
    twin::Entity::insert_many(["a", "b", "c"].map(twin::row)).exec(test.db()).await.unwrap();
    test.forget().await;
}

async fn opened(door: &Door, db: &DatabaseConnection) -> (String, Ran) {
    ran((door.open)(db.clone())).await
}

#[tokio::test]
async fn every_door_announces_what_it_wrote_and_returns_what_seaorm_returns() {
    let test = TestApp::new().await;
    let (mut announced, mut wrong) = (Vec::new(), Vec::new());
    let doors = doors_of_page().into_iter().zip(doors_of_twin()).map(|(door, plain)| (door, plain, false));
    for (door, plain, in_any_order) in doors.chain(hooked::doors().into_iter().map(|(door, rows)| (door, rows, true))) {
        fresh(&test).await;
        let (expected, mut expected_hooks) = opened(&plain, test.db()).await;
        let (result, hooks) = opened(&door, test.db()).await;
        let rows = page::Entity::find().order_by_asc(page::Column::Id).all(test.db()).await.unwrap();
        let expected_rows = twin::Entity::find().order_by_asc(twin::Column::Id).all(test.db()).await.unwrap();
        let events = test.written().await;
        let events: Vec<_> = events.iter().map(|event| (event.name.clone(), event.body["data"].clone())).collect();
        let text =
            |result: String, rows: String, hooks: &Ran| format!("{result} {rows} {hooks:?}").replace("twin", "page");
        let mut compared = hooks.clone();
        if in_any_order {
            expected_hooks.sort_unstable();
            compared.sort_unstable();
        }
        let seaorm = text(expected, format!("{expected_rows:?}"), &expected_hooks);
        let thorn = text(result.clone(), format!("{rows:?}"), &compared);
        if thorn != seaorm {
            wrong.push(format!("{} {}\n  SeaORM: {seaorm}\n  thorn:  {thorn}", door.code, door.when));
        }
        announced.push(Announced::of(&door, &events, &hooks, &result));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    table::compare(&announced, test.db());
}

fn is_mysql(db: &DatabaseConnection) -> bool {
    db.get_database_backend() == DbBackend::MySql
}
