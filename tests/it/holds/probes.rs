//! Which delivery probes a held endpoint, so that one event which the receiver always refuses holds nothing for good.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use thorn::{Event, EventId, history::Delivery};
use tokio::net::TcpListener;

use super::*;
use crate::app::literal;

const HOUR: Duration = Duration::from_secs(3_600);

/// What [`answering`] answers with: for each request its number, from 0, and the event's data.
type Answer = fn(usize, &serde_json::Value) -> StatusCode;

/// A receiver. Returns its URL and the data of the requests so far.
async fn answering(answer: Answer) -> (String, Arc<Mutex<Vec<serde_json::Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let log = requests.clone();
    let handler = async move |body: Bytes| {
        let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let mut log = log.lock().unwrap();
        log.push(event["data"].clone());
        answer(log.len() - 1, &event["data"])
    };
    let app = Router::new().route("/", post(handler));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, requests)
}

async fn send(app: &TestApp, data: usize) -> EventId {
    Event::new("a.b").broadcast().send(app.db(), &data).await.unwrap()
}

fn delivered(rows: &[Delivery]) -> usize {
    rows.iter().filter(|row| row.state == Some(DeliveryState::Delivered)).count()
}

/// Sets the only subscription's hold, as another worker would.
async fn hold_until(app: &TestApp, until: Timestamp, step: u32) {
    app.execute(&format!(
        "UPDATE thorn_subscription SET held_until = {}, held_step = {step}, \
         version = (SELECT version + 1 FROM thorn_registry)",
        until.as_millis()
    ))
    .await;
    app.execute("UPDATE thorn_registry SET version = version + 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_probe_is_the_oldest_delivery_that_waits_and_not_the_one_that_is_due_first() {
    const EVENTS: usize = 10;
    let app = TestApp::with(config()).await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    hold_until(&app, Timestamp::now() + HOUR, 1).await;
    let worker = app.worker().await;
    let events = app.send_many(EVENTS).await;
    let rows = app.deliveries(&subscription, |rows| rows.len() == EVENTS).await;
    worker.stop().await.unwrap();
    assert_eq!(receiver.arrived(), 0);
    let oldest = events.iter().min().unwrap();
    for (n, event) in events.iter().enumerate() {
        let (id, due) = (literal(app.db().get_database_backend(), event.as_uuid()), EVENTS - n);
        app.execute(&format!("UPDATE thorn_delivery SET next_attempt_at = {due} WHERE event_id = {id}")).await;
    }
    // A new delivery comes when the hold is over. It isn't the first probe either.
    send(&app, 1).await;
    hold_until(&app, Timestamp::from_millis(1), 1).await;
    let worker = app.worker().await;
    let first = receiver.wait_for(1, PATIENCE).await.unwrap();
    let wanted = rows.iter().find(|row| row.event == *oldest).unwrap();
    assert_eq!(first[0].header("hook-delivery"), wanted.id.to_string(), "{rows:?}");
    all_arrive(&app, &subscription, &receiver, EVENTS + 1).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_worker_runs_a_new_inline_delivery_is_the_first_probe() {
    let app = TestApp::with(config()).await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    hold_until(&app, Timestamp::from_millis(1), 1).await;
    let (sent, deliveries) = app.thorn.inline(Event::new("a.b").broadcast().send(app.db(), &1)).await;
    sent.unwrap();
    assert_eq!(deliveries[0].state, Some(DeliveryState::Delivered), "{deliveries:?}");
    assert_eq!(app.reload(&subscription).await.held, None);
    app.ask_for(&deliveries);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_always_fails_holds_a_healthy_endpoint_not_for_good() {
    const EVENTS: usize = 20;
    let app = TestApp::with(config()).await;
    let (url, requests) =
        answering(|_, data| if *data == 0 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }).await;
    let subscription = app.subscribe("a.b", &url).await;
    let worker = app.worker().await;
    let poison = send(&app, 0).await;
    let id = literal(app.db().get_database_backend(), poison.as_uuid());
    for round in 1..=2 {
        // As nothing else is sent, the poison's failures follow one another.
        held(&app, &subscription, 3).await;
        hold_until(&app, Timestamp::now() + HOUR, 3).await;
        for n in 1..=EVENTS {
            send(&app, n).await;
        }
        app.deliveries(&subscription, |rows| rows.len() == round * EVENTS + 1).await;
        // The poison is due first, and yet another one is the next probe.
        for (due, of) in [(1, "="), (2, "<>")] {
            app.execute(&format!(
                "UPDATE thorn_delivery SET next_attempt_at = {due} WHERE state = 'waiting' AND event_id {of} {id}"
            ))
            .await;
        }
        let before = requests.lock().unwrap().len();
        hold_until(&app, Timestamp::from_millis(1), 3).await;
        app.deliveries(&subscription, |rows| delivered(rows) == round * EVENTS).await;
        assert_ne!(requests.lock().unwrap()[before], 0);
    }
    let rows = app.deliveries_of(poison, |rows| !rows.is_empty()).await;
    assert_eq!(rows[0].state, Some(DeliveryState::Waiting), "it keeps its retries: {rows:?}");
    app.ignore_the_rest();
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_half_of_the_time_is_never_held() {
    const EVENTS: usize = 100;
    let app = TestApp::with(Config { hold: HoldPolicy::default(), ..config() }).await;
    let (url, requests) =
        answering(|n, _| if n % 2 == 0 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }).await;
    let subscription = app.subscribe("a.b", &url).await;
    let worker = app.worker().await;
    app.send_many(EVENTS).await;
    app.deliveries(&subscription, app::all_delivered(EVENTS)).await;
    assert!(requests.lock().unwrap().len() >= EVENTS * 3 / 2, "half of them failed");
    assert_eq!(worker.counters().holds.total(), 0);
    app.settled().await;
    worker.stop().await.unwrap();
}
