//! Filters that take long to evaluate.

use std::time::Duration;

use serde_json::{Value, json};
use thorn::{Config, Event, attempt::DeliveryState, history::Delivery, subscription::NewSubscription};

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

async fn deliveries(app: &TestApp, of: &[thorn::SubscriptionId]) -> Vec<Delivery> {
    let mut all = Vec::new();
    for id in of {
        all.extend(app.thorn.history().of_subscription(*id, 1_000).await.unwrap());
    }
    all
}
