//! `coalesce`: several changes of a row in one buffer are one event.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, IntoActiveModel, Set, TransactionTrait, sea_query::Expr};
use serde_json::{Value, json};
use thorn::outbox::buffer_events;

use crate::app::{TestApp, Written};

mod ticket {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "ticket.created",
        on_change(event = "ticket.changed", coalesce, previous),
        on_close(event = "ticket.closed", on = change, when = open.now_eq(false), coalesce),
        on_rename(event = "ticket.{title}.renamed", on = change, when = title.changed(), coalesce),
        on_touch(event = "ticket.touched", on = change, only_if_changed, coalesce),
        on_save(event = "ticket.saved", on = change),
        on_delete = "ticket.removed"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ticket")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub open: bool,
    }
}

/// A test with one open ticket called `a`, and nothing announced yet.
async fn database() -> (TestApp, ticket::Model) {
    let test = TestApp::new().await.table(ticket::Entity).await;
    let row = new("a").insert(test.db()).await.unwrap();
    test.forget().await;
    (test, row)
}

fn new(title: &str) -> ticket::ActiveModel {
    ticket::ActiveModel { title: Set(title.to_owned()), open: Set(true), ..Default::default() }
}

async fn rename(row: &ticket::Model, title: &str, db: &impl Both) -> Result<ticket::Model, DbErr> {
    let mut row = row.clone().into_active_model();
    row.title = Set(title.to_owned());
    row.update(db).await
}

async fn set_open(row: &ticket::Model, open: bool, db: &impl Both) -> Result<ticket::Model, DbErr> {
    let mut row = row.clone().into_active_model();
    row.open = Set(open);
    row.update(db).await
}

trait Both: ConnectionTrait + TransactionTrait {}

impl<C: ConnectionTrait + TransactionTrait> Both for C {}

/// Names without their prefix.
fn names(written: &[Written]) -> Vec<&str> {
    written.iter().map(|event| event.name.strip_prefix("ticket.").unwrap()).collect()
}

/// Title and `previous` of the events of this name.
fn told<'a>(written: &'a [Written], name: &str) -> Vec<(&'a str, &'a Value)> {
    let named = written.iter().filter(|event| event.name == name);
    named.map(|event| (event.body["data"]["title"].as_str().unwrap(), &event.body["previous"])).collect()
}

#[tokio::test]
async fn several_saves_of_a_row_are_one_event_from_first_to_last() {
    let (test, row) = database().await;
    let other = new("other").insert(test.db()).await.unwrap();
    test.forget().await;
    let saved = test.thorn.transaction(async |txn| {
        let row = rename(&row, "b", txn).await?;
        let row = set_open(&row, false, txn).await?;
        rename(&other, "other2", txn).await?;
        rename(&row, "c", txn).await
    });
    saved.await.unwrap();
    let written = test.written().await;
    // An event stands where the last change of its row was.
    assert_eq!(
        names(&written),
        [
            "saved",
            "saved",
            "changed",
            "other2.renamed",
            "touched",
            "saved",
            "changed",
            "closed",
            "c.renamed",
            "touched",
            "saved"
        ]
    );
    assert_eq!(
        told(&written, "ticket.changed"),
        [("other2", &json!({ "title": "other" })), ("c", &json!({ "title": "a", "open": true }))]
    );
}

#[tokio::test]
async fn a_change_that_is_taken_back_fires_no_filter() {
    let (test, row) = database().await;
    let saved = test.thorn.transaction(async |txn| {
        let row = set_open(&row, false, txn).await?;
        let row = rename(&row, "b", txn).await?;
        let row = rename(&row, "a", txn).await?;
        set_open(&row, true, txn).await
    });
    saved.await.unwrap();
    // Without a filter, a change fires without a difference.
    let written = test.written().await;
    assert_eq!(names(&written), ["saved", "saved", "saved", "changed", "saved"]);
    assert_eq!(told(&written, "ticket.changed"), [("a", &json!({}))]);
}

#[tokio::test]
async fn a_change_that_only_the_sum_makes_fires() {
    let (test, row) = database().await;
    let row = set_open(&row, false, test.db()).await.unwrap();
    test.forget().await;
    // `closed` fires for neither save alone: the first opens, the second begins where it was opened.
    let saved = test.thorn.transaction(async |txn| {
        let row = thorn::without_events(set_open(&row, true, txn)).await?;
        let row = rename(&row, "b", txn).await?;
        set_open(&row, false, txn).await
    });
    saved.await.unwrap();
    assert_eq!(told(&test.written().await, "ticket.closed").len(), 1);
}

#[tokio::test]
async fn a_flush_does_not_end_the_transaction() {
    let (test, row) = database().await;
    let txn = test.db().begin().await.unwrap();
    let written = buffer_events(&txn, async |buffer| {
        let row = rename(&row, "b", &txn).await?;
        assert_eq!(buffer.pending(), 4);
        assert_eq!(buffer.flush().await?, 4);
        let row = set_open(&row, false, &txn).await?;
        let row = rename(&row, "a", &txn).await?;
        assert_eq!(buffer.pending(), 5);
        assert_eq!(buffer.flush().await?, 5);
        set_open(&row, true, &txn).await?;
        Ok::<_, thorn::Error>(buffer.pending())
    });
    assert_eq!(written.await.unwrap(), 2);
    txn.commit().await.unwrap();
    let written = test.written().await;
    assert_eq!(names(&written), ["saved", "saved", "saved", "changed", "saved"]);
    assert_eq!(told(&written, "ticket.changed"), [("a", &json!({}))]);
}

#[tokio::test]
async fn an_insertion_and_a_deletion_end_the_run() {
    let (test, row) = database().await;
    let saved = test.thorn.transaction(async |txn| {
        let new = new("new").insert(txn).await?;
        let new = rename(&new, "newer", txn).await?;
        rename(&new, "newest", txn).await?;
        let row = rename(&row, "b", txn).await?;
        let row = rename(&row, "c", txn).await?;
        row.clone().delete(txn).await?;
        let again = ticket::ActiveModel { id: Set(row.id), ..self::new("again") }.insert(txn).await?;
        rename(&again, "last", txn).await
    });
    saved.await.unwrap();
    let written = test.written().await;
    let expected = [
        ("newest", &json!({ "title": "new" })),
        ("c", &json!({ "title": "a" })),
        ("last", &json!({ "title": "again" })),
    ];
    assert_eq!(told(&written, "ticket.changed"), expected);
    assert_eq!(told(&written, "ticket.created").len() + told(&written, "ticket.removed").len(), 3);
}

#[tokio::test]
async fn bulk_statements_are_changes_like_any_other() {
    let (test, row) = database().await;
    let saved = test.thorn.transaction(async |txn| {
        rename(&row, "b", txn).await?;
        let close =
            |update: sea_orm::UpdateMany<ticket::Entity>| update.col_expr(ticket::Column::Open, Expr::value(false));
        thorn::update_many::<ticket::Entity, _>(ticket::Column::Id.eq(row.id), close, txn).await
    });
    saved.await.unwrap();
    let written = test.written().await;
    assert_eq!(told(&written, "ticket.changed"), [("b", &json!({ "title": "a", "open": true }))]);
    assert_eq!(told(&written, "ticket.closed").len(), 1);
}

#[tokio::test]
async fn without_a_buffer_each_save_is_an_event() {
    let (test, row) = database().await;
    // Two transactions on one connection may have the same address. Neither takes what the other wrote.
    for title in ["b", "c"] {
        let txn = test.db().begin().await.unwrap();
        let row = rename(&row, title, &txn).await.unwrap();
        rename(&row, "a", &txn).await.unwrap();
        txn.commit().await.unwrap();
    }
    rename(&row, "d", test.db()).await.unwrap();
    let titles: Vec<_> =
        told(&test.written().await, "ticket.changed").iter().map(|(title, _)| title.to_string()).collect();
    assert_eq!(titles, ["b", "a", "c", "a", "d"]);
}

#[tokio::test]
async fn a_savepoint_is_a_transaction_of_its_own() {
    let (test, row) = database().await;
    let txn = test.db().begin().await.unwrap();
    buffer_events(&txn, async |_| {
        let row = rename(&row, "b", &txn).await?;
        let savepoint = txn.begin().await?;
        let lost = rename(&row, "lost", &savepoint).await?;
        rename(&lost, "lost too", &savepoint).await?;
        savepoint.rollback().await?;
        let savepoint = txn.begin().await?;
        let row = buffer_events(&savepoint, async |_| {
            let row = rename(&row, "c", &savepoint).await?;
            rename(&row, "d", &savepoint).await
        })
        .await?;
        savepoint.commit().await?;
        rename(&row, "e", &txn).await
    })
    .await
    .unwrap();
    txn.commit().await.unwrap();
    let written = test.written().await;
    let expected = [("d", &json!({ "title": "b" })), ("e", &json!({ "title": "a" }))];
    assert_eq!(told(&written, "ticket.changed"), expected);
}

#[tokio::test]
async fn an_event_that_cannot_be_rendered_leaves_the_earlier_one() {
    let (test, row) = database().await;
    let txn = test.db().begin().await.unwrap();
    buffer_events(&txn, async |_| {
        let row = rename(&row, "b", &txn).await?;
        // The name of `renamed` would have an empty segment.
        let error = rename(&row, "", &txn).await.unwrap_err().to_string();
        assert!(error.contains("empty"), "{error}");
        Ok::<_, DbErr>(())
    })
    .await
    .unwrap();
    txn.commit().await.unwrap();
    assert_eq!(told(&test.written().await, "ticket.changed"), [("b", &json!({ "title": "a" }))]);
}
