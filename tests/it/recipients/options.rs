//! Each option of an event takes effect at its delivery, and at no other event's.

use std::time::Duration;

use thorn::{
    attempt::{DeliveryState, Outcome, RetryPolicy},
    event::Event,
    guard::Validator,
    subscription::ContentType,
};
use thorn_core::testing::Reply;

use crate::{
    alone::alone,
    app::{self, TestApp},
};

fn event() -> Event {
    Event::new("a.b").broadcast()
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_004_006_010_138_headers_request_data_and_keep_alive_reach_the_delivery() {
    let (app, receiver, _, worker) = TestApp::delivering("a.b").await;
    let told = event()
        .header("X-Tenant", "blue")
        .keep_alive(false)
        .request_data(serde_json::json!({ "tenant": "blue", "data": "no", "event": "no" }));
    told.send(app.db(), "yes").await.unwrap();
    event().send(app.db(), "plain").await.unwrap();
    let requests = receiver.wait_for(2, app::PATIENCE).await.unwrap();
    let of = |data: &str| requests.iter().find(|request| request.json()["data"] == data).unwrap();
    let (told, plain) = (of("yes"), of("plain"));
    assert_eq!((told.header("x-tenant"), told.header("connection")), ("blue", "close"));
    assert_eq!((plain.header("x-tenant"), plain.header("connection")), ("", ""));
    let body = std::str::from_utf8(&told.body).unwrap();
    assert_eq!(body, r#"{"event":"a.b","ref":null,"sender":null,"data":"yes","tenant":"blue"}"#);
    assert_eq!(plain.json().get("tenant"), None);
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_006_a_form_encoded_body_has_the_request_data_and_fits_its_signature() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let form = thorn::subscription::SubscriptionChange::default().content_type(ContentType::Form);
    let subscription = app.change(&subscription, form).await;
    let worker = app.worker().await;
    event().request_data(serde_json::json!({ "tenant": { "id": 7 } })).send(app.db(), &1).await.unwrap();
    let request = receiver.wait_for(1, app::PATIENCE).await.unwrap().remove(0);
    assert_eq!(std::str::from_utf8(&request.body).unwrap(), "event=a.b&ref=&sender=&data=1&tenant=%7B%22id%22%3A7%7D");
    let signature = subscription.spec.destination.signing.hook_hmac(&request.body);
    assert_eq!(Some(request.header("hook-hmac")), signature.as_deref());
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_004_009_138_timeout_and_retry_reach_every_attempt() {
    let (app, receiver, _, worker) = TestApp::delivering("a.b").await;
    receiver.reply(Reply::status(204).delay(Duration::from_secs(1)));
    let patient = event().send(app.db(), &1).await.unwrap();
    let hasty = event()
        .timeout(Duration::from_millis(50))
        .retry(RetryPolicy::fixed(Duration::from_millis(20), 2))
        .send(app.db(), &2)
        .await
        .unwrap();
    let dead = app.deliveries_of(hasty, app::is_dead);
    let dead = dead.await.remove(0);
    assert_eq!((dead.attempts, dead.outcome), (2, Some(Outcome::TimedOut)));
    let delivered = app.deliveries_of(patient, |rows| rows.iter().any(|row| row.outcome == Some(Outcome::Delivered)));
    assert_eq!(delivered.await[0].attempts, 1);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_011_138_164_an_event_s_validators_block_its_deliveries_alone_at_every_attempt() {
    let (app, receiver, _, worker) = TestApp::delivering("a.b").await;
    let once = || event().retry(RetryPolicy::fixed(Duration::from_millis(20), 2));
    let open = once().validators([]).send(app.db(), &0).await.unwrap();
    let mut blocked = Vec::new();
    for validators in
        [vec![Validator::protocols(["https"])], vec![Validator::block_networks(["127.0.0.0/8".parse().unwrap()])]]
    {
        blocked.push(once().validators(validators).send(app.db(), &1).await.unwrap());
    }
    for id in &blocked {
        let rows = app.deliveries_of(*id, app::is_dead).await;
        assert_eq!((rows[0].attempts, rows[0].outcome), (2, Some(Outcome::Blocked)), "{rows:?}");
    }
    app.deliveries_of(open, app::is_delivered).await;
    assert_eq!(receiver.received().len(), 1);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_170_a_stored_validator_that_is_unknown_blocks() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let never = || event().retry(RetryPolicy::never());
    let known = never().validators([Validator::ports([80])]).send(app.db(), &1).await.unwrap();
    let unknown = never().validators([Validator::ports([81])]).send(app.db(), &2).await.unwrap();
    // As a later release may store it.
    app.execute("UPDATE thorn_event SET options = replace(options, 'ports=81', 'moon-phases=3')").await;
    let worker = app.worker().await;
    let blocked = app.deliveries_of(unknown, |rows| !rows.is_empty()).await.remove(0);
    assert_eq!((blocked.outcome, blocked.state), (Some(Outcome::Blocked), Some(DeliveryState::Dead)));
    assert!(blocked.error.unwrap().contains("doesn't know a validator of the event"));
    app.deliveries_of(known, app::is_delivered).await;
    assert_eq!(receiver.received().len(), 1);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_011_the_settings_rules_hold_where_an_event_has_none() {
    alone!(thorn_011_the_settings_rules_hold_where_an_event_has_none);
    let config = thorn::Config { validators: Some(vec![Validator::protocols(["https"])]), ..app::config() };
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let strict = app.sibling(config).await;
    let refused = thorn::subscription::NewSubscription::new("a.c", receiver.url("/"));
    assert!(strict.subscriptions().create(refused).await.is_err());
    let worker = strict.start_worker().await.unwrap();
    let never = || event().retry(RetryPolicy::never());
    let blocked = never().send(app.db(), &1).await.unwrap();
    let lifted = never().validators([]).send(app.db(), &2).await.unwrap();
    app.deliveries_of(blocked, |rows| rows.iter().any(|row| row.outcome == Some(Outcome::Blocked))).await;
    app.deliveries_of(lifted, |rows| rows.iter().any(|row| row.outcome == Some(Outcome::Delivered))).await;
    worker.stop().await.unwrap();
}
