//! Filters that take long to evaluate.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use thorn::{Config, Event, attempt::DeliveryState, event::RawBody, history::Delivery, subscription::NewSubscription};

use crate::app::{self, PATIENCE, TestApp};

/// The most tests that a filter may have.
const TESTS: usize = 100;

const FILTERS: usize = 10;

const EVENTS: usize = 4;

/// A filter that reads a long text a hundred times. Only the last test may hold.
fn costly(holds: bool) -> Value {
    let mut tests: Vec<Value> =
        (1..TESTS).map(|n| json!({ "text": { "contains": format!("aaaaaaaab{n}") } })).collect();
    tests.push(json!({ "text": { "contains": if holds { "a" } else { "b" } } }));
    json!({ "or": tests })
}

#[tokio::test(flavor = "multi_thread")]
async fn costly_filters_are_evaluated_apart_and_no_neighbour_waits_for_them() {
    // The reconciler takes no delivery for lost that waits for its turn.
    let app = TestApp::with(Config { audit_after: Duration::from_secs(5), ..app::config() }).await;
    let (hers, his) = (app.receiver().await, app.receiver().await);
    let mut alices = Vec::new();
    for n in 0..FILTERS {
        let new = NewSubscription::new("hers", hers.url(&format!("/{n}"))).owner("alice").filter(costly(n % 2 == 0));
        alices.push(app.thorn.subscriptions().create(new).await.unwrap().id);
    }
    app.thorn.subscriptions().create(NewSubscription::new("his", his.url("/")).owner("bob")).await.unwrap();
    let text = json!({ "text": "a".repeat(250_000) });
    for _ in 0..EVENTS {
        Event::new("hers").sender("alice").send(app.db(), &text).await.unwrap();
    }
    Event::new("his").sender("bob").send(app.db(), &1).await.unwrap();
    let worker = app.worker().await;

    his.wait_for(1, PATIENCE).await.unwrap();
    let decided = deliveries(&app, &alices).await.len();
    assert!(decided < FILTERS * EVENTS / 2, "bob waited until {decided} of alice's filters were evaluated");

    app::eventually("all of alice's filters evaluated", || async {
        let rows = deliveries(&app, &alices).await;
        let in_state = |state| rows.iter().filter(|row| row.state == Some(state)).count();
        let all = (in_state(DeliveryState::Delivered), in_state(DeliveryState::Cancelled));
        if all == (FILTERS * EVENTS / 2, FILTERS * EVENTS / 2) { Ok(()) } else { Err(format!("{all:?}")) }
    })
    .await;
    assert_eq!(hers.received().len(), FILTERS * EVENTS / 2);
    let rows = deliveries(&app, &alices).await;
    let cancelled = rows.iter().filter(|row| row.state == Some(DeliveryState::Cancelled));
    for row in cancelled {
        assert_eq!(row.error.as_deref(), Some("the subscription's filter doesn't let the event through"));
        assert_eq!(row.attempts, 0);
    }
    app.settled().await;
    assert_eq!(worker.counters().recovered, 0);
    app.ignore_the_rest();
    worker.stop().await.unwrap();
}

/// More filters than are evaluated while bob's event is.
const MANY: usize = 2_000;

#[tokio::test(flavor = "multi_thread")]
async fn raw_events_with_filters_of_many_owners_are_decided_in_turns() {
    let unbounded = Config { max_subscriptions: None, max_subscriptions_per_host: None, ..app::config() };
    let app = TestApp::with(Config { audit_after: PATIENCE, ..unbounded }).await;
    let (hers, his) = (app.receiver().await, app.receiver().await);
    let subscriptions = app.thorn.subscriptions();
    stream::iter(0..MANY)
        .map(|n| {
            let new = NewSubscription::new("raw", hers.url(&format!("/{n}"))).owner("alice").filter(costly(false));
            subscriptions.create(new)
        })
        .buffer_unordered(4)
        .try_for_each(|_| async { Ok(()) })
        .await
        .unwrap();
    let new = NewSubscription::new("raw", his.url("/")).owner("bob").filter(json!({ "n": { "gte": 1 } }));
    let bobs = subscriptions.create(new).await.unwrap();
    let send = async |owner: &str, body: Value| {
        Event::new("raw").sender(owner).send_raw(app.db(), raw_json(&body)).await.unwrap();
    };
    send("alice", json!({ "text": "a".repeat(250_000) })).await;
    let worker = app.worker().await;
    let decided = || app.count("thorn_delivery WHERE state = 'cancelled'");
    app::eventually("the first of alice's filters evaluated", || async {
        if decided().await >= 10 { Ok(()) } else { Err("not yet".to_owned()) }
    })
    .await;
    let before = decided().await;
    for n in 0..3 {
        send("bob", json!({ "n": n })).await;
    }
    app.deliveries(&bobs, |rows| rows.len() == 3 && rows.iter().all(|row| row.state != Some(DeliveryState::Waiting)))
        .await;
    assert_eq!(his.received().len(), 2);
    let meanwhile = decided().await - before;
    assert!(meanwhile < i64::try_from(MANY / 4).unwrap(), "bob waited for {meanwhile} of alice's filters");
    app.ignore_the_rest();
    drop(worker);
}

fn raw_json(body: &Value) -> RawBody {
    RawBody { media_type: Some("application/json".to_owned()), bytes: body.to_string().into() }
}

async fn deliveries(app: &TestApp, of: &[thorn::SubscriptionId]) -> Vec<Delivery> {
    let mut all = Vec::new();
    for id in of {
        all.extend(app.thorn.history().of_subscription(*id, 1_000).await.unwrap());
    }
    all
}
