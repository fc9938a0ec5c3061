//! Filters and raw events: a filter tests the body as JSON, if its media type says that it is.

use serde_json::json;
use thorn::{attempt::DeliveryState, subscription::NewSubscription};

use super::{event, raw};
use crate::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_sees_the_body_as_json_if_its_type_is_json() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let filtered = NewSubscription::new("order.*", receiver.url("/paid")).filter(json!({ "state": "paid" }));
    let filtered = app.thorn.subscriptions().create(filtered).await.unwrap();
    let all = app.subscribe("order.*", &receiver.url("/all")).await;
    let worker = app.worker().await;
    let (paid, open) = (r#"{"state":"paid","é":[1]}"#, r#"{"state":"open"}"#);
    let sent = [
        ("order.json", "application/json", paid, true),
        ("order.suffix", "application/vnd.order+json; v=1", paid, true),
        ("order.open", "application/json", open, false),
        ("order.text", "text/plain", paid, false),
        ("order.none", "", paid, false),
        ("order.broken", "application/json", r#"{"state":"paid""#, false),
        ("order.empty", "application/json", "", false),
    ];
    for (name, media_type, body, _) in sent {
        event(name).send_raw(app.db(), raw(media_type, body)).await.unwrap();
    }
    // Enveloped events are tested by their data, as ever.
    event("order.enveloped").send(app.db(), &json!({ "state": "paid" })).await.unwrap();
    app.deliveries(&all, crate::app::all_delivered(sent.len() + 1)).await;
    app.settled().await;

    let received = receiver.received();
    let heard = |path: &str| {
        let mut names: Vec<_> =
            received.iter().filter(|one| one.path == path).map(|one| one.header("hook-event")).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(heard("/paid"), ["order.enveloped", "order.json", "order.suffix"]);
    assert_eq!(heard("/all").len(), sent.len() + 1);
    assert!(
        received.iter().filter(|one| one.header("hook-event") == "order.json").all(|one| one.body == paid.as_bytes())
    );
    // The delivery evaluated the filter, so the ones that it stopped are recorded as cancelled.
    let rows = app.deliveries(&filtered, |rows| rows.len() == 6).await;
    let cancelled = rows.iter().filter(|row| row.state == Some(DeliveryState::Cancelled)).count();
    assert_eq!(cancelled, sent.iter().filter(|(_, kind, _, passes)| kind.contains("json") && !passes).count());
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_event_reaches_its_sender_s_subscriptions_only() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    for owner in ["alice", "bob"] {
        app.subscribe_for(Some(owner), "a.*", &receiver.url(&format!("/{owner}"))).await;
    }
    app.subscribe("other.*", &receiver.url("/other")).await;
    let worker = app.worker().await;
    thorn::Event::new("a.b").sender("alice").send_raw(app.db(), raw("", "x")).await.unwrap();
    app.settled().await;
    let paths: Vec<_> = receiver.received().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/alice"]);
    worker.stop().await.unwrap();
}
