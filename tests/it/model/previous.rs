//! `previous`: the old values of what changed in an event's data.

use sea_orm::{ColumnTrait, DbBackend, IntoActiveModel, Set, TransactionTrait, sea_query::Expr};
use serde_json::{Value, json};
use thorn::model::WebhookModel as _;

use crate::app::TestApp;

mod account {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "account.created",
        on_change = "account.changed",
        on_short(event = "account.short", on = change, payload = [name]),
        on_function(event = "account.function", on = change, payload = shown),
        on_type(event = "account.type", on = change, payload = View),
        on_text(event = "account.text", on = change, payload = name_of),
        on_delete = "account.removed",
        payload = [id, name, ratio, extra, r#type],
        previous
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "account")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
        pub password_hash: String,
        pub ratio: f32,
        pub extra: Json,
        #[sea_orm(column_name = "kind")]
        pub r#type: Option<String>,
    }

    fn shown(row: &Model) -> Json {
        let mut shown = serde_json::json!({ "label": row.name.to_uppercase(), "id": row.id });
        if let Some(kind) = &row.r#type {
            shown["kind"] = kind.as_str().into();
        }
        shown
    }

    fn name_of(row: &Model) -> String {
        row.name.clone()
    }

    #[derive(serde::Serialize)]
    pub struct View {
        short: String,
    }

    impl From<&Model> for View {
        fn from(row: &Model) -> Self {
            Self { short: row.name.chars().take(1).collect() }
        }
    }
}

async fn database() -> (TestApp, account::Model) {
    let test = TestApp::new().await.table(account::Entity).await;
    let row = new("alice").insert(test.db()).await.unwrap();
    (test, row)
}

fn new(name: &str) -> account::ActiveModel {
    account::ActiveModel {
        name: Set(name.to_owned()),
        password_hash: Set("s3cr3t".to_owned()),
        ratio: Set(0.1),
        extra: Set(json!({ "a": [1] })),
        r#type: Set(None),
        ..Default::default()
    }
}

/// `previous` of each event by its name; `None` if the body has no such member.
async fn previous(test: &TestApp) -> Vec<(String, Option<Value>)> {
    test.written().await.into_iter().map(|event| (event.name, event.body.get("previous").cloned())).collect()
}

#[tokio::test]
async fn only_a_change_has_it_and_only_for_what_differs_in_its_data() {
    let (test, row) = database().await;
    let mut change = row.clone().into_active_model();
    change.name = Set("bob".to_owned());
    change.password_hash = Set("0ther".to_owned());
    change.ratio = Set(0.5);
    change.extra = Set(json!({ "a": [2] }));
    change.r#type = Set(Some("x".to_owned()));
    let row = change.update(test.db()).await.unwrap();
    row.delete(test.db()).await.unwrap();
    let named = |name: &str, previous: Option<Value>| (format!("account.{name}"), previous);
    assert_eq!(
        previous(&test).await,
        [
            named("created", None),
            named("changed", Some(json!({ "name": "alice", "ratio": 0.1, "extra": { "a": [1] }, "type": null }))),
            named("short", Some(json!({ "name": "alice" }))),
            named("function", Some(json!({ "label": "ALICE", "kind": null }))),
            named("type", Some(json!({ "short": "a" }))),
            named("text", Some(json!({}))),
            named("removed", None),
        ]
    );
    let bodies: Vec<_> = test.written().await.iter().map(|event| event.body.to_string()).collect();
    assert!(!bodies.concat().contains("s3cr3t"), "{bodies:?}");
}

#[tokio::test]
async fn it_stands_behind_the_data_and_is_empty_if_nothing_in_it_differs() {
    let (test, row) = database().await;
    test.forget().await;
    let mut change = row.clone().into_active_model();
    change.password_hash = Set("0ther".to_owned());
    change.update(test.db()).await.unwrap();
    let sql = "SELECT body AS text FROM thorn_event WHERE name = 'account.short'";
    let body = r#"{"event":"account.short","ref":null,"sender":null,"data":{"name":"alice"},"previous":{}}"#;
    assert_eq!(test.text(sql).await, [body]);
}

#[tokio::test]
async fn an_event_sent_by_hand_has_an_empty_one() {
    let (test, row) = database().await;
    test.forget().await;
    account::Entity::webhook("short").unwrap().send(test.db(), &row).await.unwrap();
    assert_eq!(previous(&test).await, [("account.short".to_owned(), Some(json!({})))]);
}

#[tokio::test]
async fn every_row_of_a_bulk_update_has_its_own() {
    let (test, alice) = database().await;
    let many = thorn::insert_many([new("bob"), new("carol")], test.db()).await.unwrap();
    test.forget().await;
    let to_dave =
        |update: sea_orm::UpdateMany<account::Entity>| update.col_expr(account::Column::Name, Expr::value("dave"));
    // Once in a transaction of thorn's, once in one of the caller's.
    thorn::update_many::<account::Entity, _>(account::Column::Id.ne(alice.id), to_dave, test.db()).await.unwrap();
    let txn = test.db().begin().await.unwrap();
    thorn::update_many::<account::Entity, _>(account::Column::Id.lte(many[0].id), to_dave, &txn).await.unwrap();
    txn.commit().await.unwrap();
    let mut changed: Vec<_> =
        test.written().await.into_iter().filter(|event| event.name == "account.changed").collect();
    changed.sort_by_key(|event| event.body["previous"].to_string());
    let told: Vec<_> = changed.iter().map(|event| (&event.body["data"]["id"], &event.body["previous"])).collect();
    let id = |row: &account::Model| json!(row.id);
    assert_eq!(
        told,
        [
            (&id(&alice), &json!({ "name": "alice" })),
            (&id(&many[0]), &json!({ "name": "bob" })),
            (&id(&many[1]), &json!({ "name": "carol" })),
            (&id(&many[0]), &json!({})),
        ]
    );
}

#[tokio::test]
async fn an_old_value_that_json_cannot_express_is_null_and_hinders_no_repair() {
    if thorn_test_support::is_mysql() {
        thorn_test_support::skipped("MySQL stores no infinity");
        return;
    }
    let (test, row) = database().await;
    test.forget().await;
    let infinity = if test.db().get_database_backend() == DbBackend::Postgres { "'Infinity'" } else { "9e999" };
    test.execute(&format!("UPDATE account SET ratio = {infinity}")).await;
    let mut change = row.into_active_model();
    change.ratio = Set(0.5);
    change.update(test.db()).await.unwrap();
    assert_eq!(previous(&test).await[0].1, Some(json!({ "ratio": null })));
}
