//! Events that can't be sent: the error names what is wrong, and nothing is written.

use std::{collections::BTreeMap, time::Duration};

use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait as _, Schema, Set, TransactionTrait as _};
use serde::Serialize;
use thorn::{
    Error, SubscriptionId,
    attempt::RetryPolicy,
    event::Event,
    subscription::{Access, NewSubscription, Page},
};
use thorn_test_support::{is_mysql, skipped};

use crate::app::TestApp;

mod reading {
    #![allow(unreachable_pub, reason = "SeaORM's derives want public types")]
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "reading.created", on_change = "reading.changed", payload = told, broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "reading")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(nullable)]
        pub celsius: Option<f64>,
    }

    /// The square root of what is below zero is no number.
    fn told(reading: &Model) -> (Option<f64>, Option<f64>) {
        (reading.celsius, reading.celsius.map(f64::sqrt))
    }
}

fn event() -> Event {
    Event::new("a.b").broadcast()
}

impl TestApp {
    async fn events(&self) -> usize {
        self.text("SELECT name AS text FROM thorn_event").await.len()
    }

    /// The error's text, if the event is refused and leaves nothing.
    async fn refused(&self, event: Event, payload: &(impl Serialize + ?Sized)) -> String {
        let name = event.name().to_owned();
        let error = match event.clone().send(self.db(), payload).await {
            Ok(_) => panic!("`{name}` was sent"),
            Err(error) => error.to_string(),
        };
        assert!(!error.contains(char::is_control), "{error:?}");
        assert!(error.len() < 1000, "{error}");
        // Nor does it spoil the transaction it is sent in.
        let txn = self.db().begin().await.unwrap();
        event.send(&txn, payload).await.unwrap_err();
        txn.execute_unprepared("UPDATE thorn_registry SET version = version + 1").await.unwrap();
        txn.commit().await.unwrap();
        assert_eq!(self.events().await, 0);
        error
    }
}

#[tokio::test]
async fn thorn_180_payloads_that_are_no_json_are_refused() {
    let app = TestApp::new().await;
    let start = "the payload of event `a.b` can't be written as JSON: ";
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = app.refused(event(), &vec![Some(("deep", bad))]).await;
        assert!(error.starts_with(start) && error.contains(&format!("{bad}")), "{error}");
        assert!(error.contains("not a finite number"), "{error}");
    }
    let error = app.refused(event(), &BTreeMap::from([((1, 2), 3)])).await;
    assert!(error.starts_with(start) && error.contains("key must be a string"), "{error}");
}

#[tokio::test]
async fn ids_of_senders_and_owners_obey_one_rule_on_every_database() {
    let app = TestApp::new().await;
    let subscriptions = app.thorn.subscriptions();
    let new = |owner: &str| NewSubscription::new("a.b", "http://127.0.0.1:9/").owner(owner);
    let long = "it has 191 characters, at most 190";
    for (id, sender_says, owner_says) in
        [("é".repeat(191), long, long), ("a\0b".to_owned(), "NUL character", "control character")]
    {
        let error = app.refused(event().sender(id.as_str()), &1).await;
        assert!(error.contains("sender") && error.contains(sender_says), "{error}");
        let error = subscriptions.create(new(&id)).await.unwrap_err().to_string();
        assert!(error.contains("owner") && error.contains(owner_says), "{error}");
        // Nobody has such an id, and asking is no error of the database.
        let access = Access::Owner(&id);
        assert!(subscriptions.list(access, Page::default()).await.unwrap().is_empty());
        let error = subscriptions.get(access, SubscriptionId::generate()).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
    let longest = "é".repeat(190);
    subscriptions.create(new(&longest)).await.unwrap();
    event().sender(longest.as_str()).send(app.db(), &1).await.unwrap();
    app.ignore_the_rest();
}

#[tokio::test]
async fn an_event_may_have_256_kib_and_not_one_byte_more() {
    let app = TestApp::new().await;
    let limit = 256 * 1024;
    let around = r#"{"event":"a.b","ref":null,"sender":null,"data":""}"#.len();
    let error = app.refused(event(), &"x".repeat(limit - around + 1)).await;
    assert!(error.starts_with("event `a.b` is 262145 bytes, the limit is 262144"), "{error}");
    event().send(app.db(), &"x".repeat(limit - around)).await.unwrap();
    assert_eq!(app.events().await, 1);
}

#[tokio::test]
async fn thorn_145_headers_that_are_thorn_s_or_break_lines_are_refused() {
    let app = TestApp::new().await;
    for (name, value, says) in [
        ("X-Note", "one\r\nHook-HMAC: forged", "header `X-Note` has a line break in its value"),
        ("X-Note", "one\ntwo", "header `X-Note` has a line break in its value"),
        ("X-Note", "nul\0", "header `X-Note` has a value with control characters"),
        ("X-Note\r\nHost", "x", r"header `X-Note\r\nHost` is not a valid header name"),
        ("", "x", "header `` is not a valid header name"),
        ("Hook-HMAC", "x", "header `Hook-HMAC` is set by thorn"),
        ("hOOk-subscription", "x", "header `hOOk-subscription` is set by thorn"),
        ("Webhook-Signature", "x", "header `Webhook-Signature` is set by thorn"),
        ("HOST", "x", "header `HOST` is set by thorn or by the HTTP connection"),
        ("Content-Length", "0", "header `Content-Length` is set by"),
        ("transfer-encoding", "chunked", "header `transfer-encoding` is set by"),
    ] {
        let error = app.refused(event().header("X-Good", "y").header(name, value), &1).await;
        assert!(error.starts_with(says), "{error}");
    }
}

#[tokio::test]
async fn thorn_005_options_that_make_no_sense_are_refused() {
    let app = TestApp::new().await;
    let error = app.refused(event().timeout(Duration::ZERO), &1).await;
    assert!(error.starts_with("invalid timeout: it is 0"), "{error}");

    let day = Duration::from_secs(24 * 60 * 60);
    let good = RetryPolicy::default();
    for (retry, says) in [
        (RetryPolicy { max_attempts: 0, ..good.clone() }, "max_attempts is 0"),
        (RetryPolicy { factor: 0.5, ..good.clone() }, "factor is 0.5"),
        (RetryPolicy { factor: f64::NAN, ..good.clone() }, "factor is NaN"),
        (RetryPolicy { factor: f64::INFINITY, ..good.clone() }, "factor is inf"),
        (RetryPolicy { jitter: -0.1, ..good.clone() }, "jitter is -0.1"),
        (RetryPolicy { jitter: f64::NAN, ..good.clone() }, "jitter is NaN"),
        (
            RetryPolicy { longest: day, first: 2 * day, ..good.clone() },
            "longest (86400s) is shorter than first (172800s)",
        ),
        (RetryPolicy { longest: 31 * day, ..good.clone() }, "longest is 2678400s"),
    ] {
        let error = app.refused(event().retry(retry), &1).await;
        assert!(error.starts_with(&format!("invalid retry policy: {says}")), "{error}");
    }
}

#[tokio::test]
async fn thorn_002_names_that_no_event_may_have_are_refused() {
    let app = TestApp::new().await;
    for (name, says) in [
        ("", "invalid event name ``: it is empty"),
        (".", "invalid event name `.`: a segment"),
        ("a..b", "invalid event name `a..b`: a segment"),
        ("a.b.", "invalid event name `a.b.`: a segment"),
        ("a.*", "invalid event name `a.*`: `*` is for"),
        ("a b", "invalid event name `a b`: white space"),
        ("a\r\nb", r"invalid event name `a\r\nb`: white space, control"),
        ("a\u{1b}[2J", r"invalid event name `a\u{1b}[2J`: white space, control"),
    ] {
        let error = app.refused(Event::new(name), &1).await;
        assert!(error.starts_with(says), "{error}");
    }
    let error = app.refused(Event::new("é".repeat(100_000)), &1).await;
    assert!(error.starts_with("invalid event name `éé") && error.contains("longer than 190"), "{error}");
}

#[tokio::test]
async fn thorn_180_a_row_that_no_event_can_tell_of_is_not_saved() {
    if is_mysql() {
        return skipped("MySQL can't store a number that is none");
    }
    let app = TestApp::new().await;
    let table = Schema::new(app.db().get_database_backend()).create_table_from_entity(reading::Entity);
    app.db().execute(&table).await.unwrap();
    let reading = |celsius| reading::ActiveModel { celsius: Set(Some(celsius)), ..Default::default() };
    let rows = async || reading::Entity::find().all(app.db()).await.unwrap();

    let error = reading(f64::INFINITY).insert(app.db()).await.unwrap_err().to_string();
    assert!(error.contains("reading.created") && error.contains("not a finite number"), "{error}");
    assert!(rows().await.is_empty());
    assert_eq!(app.events().await, 0);

    let saved = reading(21.5).insert(app.db()).await.unwrap();
    let mut change: reading::ActiveModel = saved.clone().into();
    change.celsius = Set(Some(f64::NEG_INFINITY));
    let error = change.update(app.db()).await.unwrap_err().to_string();
    assert!(error.contains("reading.changed") && error.contains("-inf"), "{error}");
    assert_eq!(rows().await, [saved]);
    assert_eq!(app.events().await, 1);

    // The result of a model's own function is checked, too.
    let error = reading::ActiveModel { celsius: Set(Some(-300.0)), ..Default::default() }.insert(app.db()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("reading.created") && error.contains("NaN"), "{error}");
    assert_eq!((rows().await.len(), app.events().await), (1, 1));

    let stored = reading(f64::NAN).insert(app.db()).await;
    if app.db().get_database_backend() != DbBackend::Sqlite {
        stored.unwrap_err();
        assert_eq!((rows().await.len(), app.events().await), (1, 1));
        return;
    }
    // SQLite stores a NaN as NULL: where the row is right, so is its event.
    assert_eq!(stored.unwrap().celsius, None);
    let bodies = app.text("SELECT body AS text FROM thorn_event ORDER BY id").await;
    assert!(bodies[1].ends_with(r#""data":[null,null]}"#), "{bodies:?}");
}

#[tokio::test]
async fn thorn_007_request_data_that_is_no_object_is_refused_before_anything_is_written() {
    let app = TestApp::new().await;
    let error = app.refused(event().request_data([1, 2]), "x").await;
    assert_eq!(
        error,
        "the request data of event `a.b` must be an object: invalid type: sequence, expected an object at line 1 column 0"
    );
    app.refused(event().request_data("x"), "x").await;
    app.refused(event().request_data(BTreeMap::from([("x", f64::NAN)])), "x").await;
    app.refused(event().request_data(1).request_data(BTreeMap::from([("x", 1)])), "x").await;
    event().request_data(BTreeMap::from([("x", 1)])).send(app.db(), "x").await.unwrap();
    assert_eq!(app.events().await, 1);
}
