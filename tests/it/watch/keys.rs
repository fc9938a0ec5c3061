//! A hook finds the note of its row, whatever the type of the key is.

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, DbBackend, IntoActiveModel, ModelTrait, PrimaryKeyToColumn,
    QueryFilter,
    prelude::{Decimal, Uuid},
    sea_query::Expr,
};
use serde_json::{Value as Json, json};
use thorn::{
    insert_many,
    model::WebhookModel,
    watch::{Operation, Watch, install, remove, unannounced},
};

use super::entities::{
    by_big, by_bytes, by_day, by_local, by_moment, by_pair, by_price, by_text, by_uuid, by_uuids, post,
};
use crate::app::TestApp;

/// Changes a row in each way: hooks leave nothing, and a statement past them leaves the key.
async fn holds<E>(app: &TestApp, rows: [E::Model; 2], key: Json)
where
    E: WebhookModel,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    E::ActiveModel: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
{
    let (db, table) = (app.db(), E::default().table_name().to_owned());
    app.create_table(E::default()).await;
    install(db, Watch::collect().model::<E>()).await.unwrap();
    let none = |after: &'static str| {
        let table = table.clone();
        async move {
            let left = unannounced(db).await.unwrap();
            assert!(left.is_empty(), "{after} in {table}: {left:?}");
        }
    };
    let [row, other] = rows;
    insert_many([row.clone().into_active_model(), other.into_active_model()], db).await.unwrap();
    none("insert_many").await;
    let text = <E::Column as std::str::FromStr>::from_str("text").ok().unwrap();
    thorn::update_many::<E, _>(text.is_not_null(), |update| update.col_expr(text, Expr::value("b")), db).await.unwrap();
    none("update_many").await;
    let txn = sea_orm::TransactionTrait::begin(db).await.unwrap();
    let mut changed = row.clone().into_active_model();
    changed.set(text, "c".into());
    ActiveModelTrait::update(changed.reset_all(), &txn).await.unwrap();
    txn.commit().await.unwrap();
    none("update").await;

    let condition = <E::PrimaryKey as sea_orm::Iterable>::iter().fold(sea_orm::Condition::all(), |all, key| {
        let column = key.into_column();
        all.add(column.eq(row.get(column)))
    });
    E::update_many().col_expr(text, Expr::value("d")).filter(condition).exec(db).await.unwrap();
    let left = unannounced(db).await.unwrap();
    let changes: Vec<_> = left.iter().map(|change| (&*change.table, change.operation, &change.key)).collect();
    assert_eq!(changes, [(&*table, Operation::Change, &key)]);
    app.execute("DELETE FROM thorn_row_change").await;

    let found = E::find().all(db).await.unwrap().pop().unwrap();
    let txn = sea_orm::TransactionTrait::begin(db).await.unwrap();
    found.delete(&txn).await.unwrap();
    txn.commit().await.unwrap();
    none("delete").await;
    thorn::delete_many::<E, _>(text.is_not_null(), db).await.unwrap();
    none("delete_many").await;
    remove(db).await.unwrap();
}

#[tokio::test]
async fn keys_of_texts_numbers_and_uuids_are_found_again() {
    let app = TestApp::new().await;
    let text = || "a".to_owned();
    let odd = "it's \"é\"\\";
    let rows = [odd, "A"].map(|id| by_text::Model { id: id.to_owned(), text: text() });
    holds::<by_text::Entity>(&app, rows, odd.into()).await;
    let rows = [i64::MIN, 5].map(|id| by_big::Model { id, text: text() });
    holds::<by_big::Entity>(&app, rows, i64::MIN.into()).await;
    let id = Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8);
    let rows = [id, Uuid::nil()].map(|id| by_uuid::Model { id, text: text() });
    holds::<by_uuid::Entity>(&app, rows, "67e55044-10b1-426f-9247-bb680e5fe0c8".into()).await;
}

#[tokio::test]
async fn composite_keys_are_found_again_in_a_table_with_an_odd_name() {
    let app = TestApp::new().await;
    let row = |left, right: &str| by_pair::Model { left, right: right.to_owned(), text: "a".to_owned() };
    holds::<by_pair::Entity>(&app, [row(1, "a,b"), row(1, "a")], json!([1, "a,b"])).await;
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let row = |left, right| by_uuids::Model { left, right, text: "a".to_owned() };
    let key = json!(["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"]);
    holds::<by_uuids::Entity>(&app, [row(one, two), row(two, one)], key).await;
}

#[tokio::test]
async fn keys_of_moments_decimals_and_bytes_are_found_again() {
    let app = TestApp::new().await;
    let backend = app.db().get_database_backend();
    let text = || "a".to_owned();
    let moment = |at: &str| at.parse::<sea_orm::prelude::DateTimeUtc>().unwrap();
    let rows =
        ["2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"].map(|at| by_moment::Model { id: moment(at), text: text() });
    let key = match backend {
        DbBackend::Postgres => "2026-01-02T03:04:05+00:00",
        DbBackend::MySql => "2026-01-02 03:04:05.000000",
        _ => "2026-01-02 03:04:05.000",
    };
    holds::<by_moment::Entity>(&app, rows, key.into()).await;
    let rows = ["2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"]
        .map(|at| by_local::Model { id: moment(at).naive_utc(), text: text() });
    let key = key.trim_end_matches("+00:00");
    holds::<by_local::Entity>(&app, rows, key.into()).await;
    let rows = ["2026-01-02", "2026-01-03"].map(|day| by_day::Model { id: day.parse().unwrap(), text: text() });
    holds::<by_day::Entity>(&app, rows, "2026-01-02".into()).await;
    let rows = ["12.50", "5"].map(|id| by_price::Model { id: id.parse::<Decimal>().unwrap(), text: text() });
    let key = match backend {
        DbBackend::MySql => json!("12.50"),
        _ => json!(12.5),
    };
    holds::<by_price::Entity>(&app, rows, key).await;
    let rows = [vec![0, 0xff], vec![0]].map(|id| by_bytes::Model { id, text: text() });
    let key = if backend == DbBackend::Postgres { "\\x00ff" } else { "00ff" };
    holds::<by_bytes::Entity>(&app, rows, key.into()).await;
}

#[tokio::test]
async fn a_row_that_gets_another_key_is_noted_under_the_new_one() {
    let app = super::watched().await;
    post::draft("a").insert(app.db()).await.unwrap();
    app.execute("UPDATE watched_post SET id = 9 WHERE id = 1").await;
    assert_eq!(super::found(&app).await, ["table `watched_post`, key 9: change"]);
}
