//! Recipients that an event brings itself.

use std::{collections::BTreeSet, time::Duration};

use thorn::{
    Config,
    attempt::{DeliveryState, RetryPolicy},
    event::{DELIVERY_FAILED, Event},
    signing::{Digest, Secret, Signer, compat_hmac, hook_hmac},
    subscription::{ContentType, Subscriber},
};
use thorn_core::testing::{Received, Reply};

use crate::{
    alone::alone,
    app::{self, TestApp},
};

const SECRET: &str = "a-secret-of-theirs";

fn header<'a>(request: &'a Received, name: &str) -> &'a str {
    request.header(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_008_097_101_138_an_event_s_own_subscribers_get_it_besides_those_who_subscribed() {
    alone!(thorn_008_097_101_138_an_event_s_own_subscribers_get_it_besides_those_who_subscribed);
    if !app::sees_tasks() {
        return;
    }
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let app = TestApp::with(Config { secret_key: Some(key.parse().unwrap()), ..app::config() }).await;
    let receiver = app.receiver().await;
    let stored = app.subscribe("a.b", &receiver.url("/hook-7f3a")).await;
    let worker = app.worker().await;
    app.watch_tasks().await;
    let signed = || Subscriber::signed(receiver.url("/hook-7f3a"), SECRET).unwrap();
    let compat = signed().name("compat").signer(Signer::Compat).digest(Digest::Sha512);
    let form = signed().name("form").content_type(ContentType::Form);
    let unsigned = Subscriber::unsigned(receiver.url("/hook-7f3a")).unwrap().name("unsigned");
    let same = Subscriber::unsigned(receiver.url("/elsewhere")).unwrap().id(stored.id);
    let ids = [signed(), compat.clone(), form.clone(), unsigned.clone()].map(|one| one.subscription_id().to_string());
    let own = [signed(), signed(), compat, form, unsigned, same];
    let event = Event::new("a.b").sender("alice").to_all(own);
    assert!(!format!("{event:?}").contains(SECRET) && !format!("{event:?}").contains("7f3a"), "{event:?}");
    event.send(app.db(), &1).await.unwrap();
    app.settled().await;

    let requests = receiver.received();
    assert_eq!(requests.len(), 5, "{requests:#?}");
    let by: BTreeSet<_> = requests.iter().map(|request| header(request, "hook-subscription").to_owned()).collect();
    assert_eq!(by, ids.iter().cloned().chain([stored.id.to_string()]).collect());
    let of = |id: &str| requests.iter().find(|request| header(request, "hook-subscription") == id).unwrap();
    let secret = Secret::new(SECRET);
    let plain = of(&ids[0]);
    assert_eq!(header(plain, "hook-hmac"), hook_hmac(Digest::Sha256, &secret, &plain.body));
    assert!(header(plain, "webhook-signature").starts_with("v1,"));
    let compat = of(&ids[1]);
    assert_eq!(header(compat, "hook-hmac"), compat_hmac(Digest::Sha512, &secret, &compat.body));
    let form = of(&ids[2]);
    assert_eq!(std::str::from_utf8(&form.body).unwrap(), "event=a.b&ref=&sender=alice&data=1");
    assert_eq!(header(form, "hook-hmac"), hook_hmac(Digest::Sha256, &secret, &form.body));
    let unsigned = of(&ids[3]);
    assert_eq!((header(unsigned, "hook-hmac"), header(unsigned, "webhook-signature")), ("", ""));

    // Where URL and secret are, and where they aren't.
    let options = app.text("SELECT options AS text FROM thorn_event").await.remove(0);
    assert!(options.contains("enc1:") && options.contains("hook-7f3a") && !options.contains(SECRET), "{options}");
    let tasks = app.seen_tasks().await.concat();
    assert!(tasks.contains(r#""o":true"#) && !tasks.contains("hook-7f3a") && !tasks.contains("enc1:"), "{tasks}");
    assert!(!tasks.contains(SECRET), "{tasks}");
    // The id is the same at the next event.
    Event::new("a.c").to(signed()).send(app.db(), &1).await.unwrap();
    let next = receiver.wait_for(6, app::PATIENCE).await.unwrap().remove(5);
    assert_eq!(header(&next, "hook-subscription"), ids[0]);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_008_138_own_subscribers_are_retried_found_again_and_not_disabled() {
    alone!(thorn_008_138_own_subscribers_are_retried_found_again_and_not_disabled);
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500));
    let own = || Subscriber::signed(receiver.url("/"), SECRET).unwrap();
    let event = || Event::new("a.b").to(own());
    let worker = app.worker().await;
    let retried = event().retry(RetryPolicy::fixed(Duration::from_millis(100), 50)).send(app.db(), &1).await.unwrap();
    receiver.wait_for(2, app::PATIENCE).await.unwrap();
    receiver.reply(Reply::status(204));
    let rows = app.deliveries_of(retried, app::is_delivered).await;
    assert!(rows.len() == 1 && rows[0].attempts > 2, "{rows:?}");
    assert_eq!(rows[0].subscription, own().subscription_id());

    receiver.reply(Reply::status(410));
    let gone = event().send(app.db(), &2).await.unwrap();
    app.deliveries_of(gone, app::is_dead).await;
    receiver.reply(Reply::status(204));
    let next = event().send(app.db(), &3).await.unwrap();
    app.deliveries_of(next, app::is_delivered).await;
    worker.stop().await.unwrap();

    // A queue that lost the task.
    let lost = event().send(app.db(), &4).await.unwrap();
    app.execute("UPDATE thorn_event SET relayed_at = 1, fanout = 1, registry_version = 0, audit_at = 1 WHERE relayed_at IS NULL")
        .await;
    let worker = app.worker().await;
    app.deliveries_of(lost, app::is_delivered).await;
    assert_eq!(worker.counters().recovered, 1);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_subscriber_with_the_id_of_a_subscription_keeps_its_retries() {
    alone!(an_own_subscriber_with_the_id_of_a_subscription_keeps_its_retries);
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500));
    let other = app.subscribe("other", &receiver.url("/subscription")).await;
    let own = Subscriber::signed(receiver.url("/own"), SECRET).unwrap().id(other.id);
    let worker = app.worker().await;
    let retry = RetryPolicy::fixed(Duration::from_millis(20), 3);
    Event::new("a.b").to(own).retry(retry).send(app.db(), &1).await.unwrap();
    let paths: Vec<_> = receiver.wait_for(3, app::PATIENCE).await.unwrap().into_iter().map(|one| one.path).collect();
    assert_eq!(paths, ["/own", "/own", "/own"]);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn that_an_own_subscriber_failed_is_told_without_its_url() {
    alone!(that_an_own_subscriber_failed_is_told_without_its_url);
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    app.subscribe(DELIVERY_FAILED, &receiver.url("/told")).await;
    let own = Subscriber::unsigned("http://127.0.0.1:1/hook-7f3a").unwrap();
    let id = own.subscription_id().to_string();
    let worker = app.worker().await;
    let retry = RetryPolicy::fixed(Duration::from_millis(20), 1);
    let event = Event::new("a.b").to(own).retry(retry).send(app.db(), &1).await.unwrap();
    app.deliveries_of(event, app::is_dead).await;
    app.settled().await;
    let told: Vec<_> = receiver.received().into_iter().filter(|one| one.path == "/told").collect();
    assert_eq!(told.len(), 1);
    let data = &told[0].json()["data"];
    assert_eq!((&data["subscription"], &data["url"]), (&id.into(), &serde_json::Value::Null), "{data}");
    assert!(!data.to_string().contains("7f3a"), "{data}");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_the_key_leaves_an_own_subscriber_to_one_that_has_it() {
    alone!(a_worker_without_the_key_leaves_an_own_subscriber_to_one_that_has_it);
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let keyless = TestApp::new().await;
    let receiver = keyless.receiver().await;
    let keyed = keyless.sibling(Config { secret_key: Some(key.parse().unwrap()), ..app::config() }).await;
    let worker = keyless.worker().await;
    let own = Subscriber::signed(receiver.url("/"), SECRET).unwrap();
    let event = Event::new("a.b").to(own).send(keyed.db(), &1).await.unwrap();
    let other = Subscriber::unsigned(receiver.url("/other")).unwrap();
    Event::new("a.b").to(other).send(keyed.db(), &2).await.unwrap();
    let rows = keyless.deliveries_of(event, |rows| !rows.is_empty()).await;
    assert_eq!((rows[0].attempts, rows[0].state), (0, Some(DeliveryState::Waiting)));
    // Nor does it hold up others.
    assert_eq!(receiver.wait_for(1, app::PATIENCE).await.unwrap()[0].path, "/other");
    worker.stop().await.unwrap();
    let worker = keyed.start_worker().await.unwrap();
    keyless.deliveries_of(event, app::is_delivered).await;
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn an_own_subscriber_that_deliveries_must_not_go_to_refuses_the_event() {
    alone!(an_own_subscriber_that_deliveries_must_not_go_to_refuses_the_event);
    let app = TestApp::new().await;
    let send = |url: &'static str| {
        let subscriber = Subscriber::unsigned(url).unwrap();
        Event::new("a.b").to(subscriber).send(app.db(), &1)
    };
    for bad in ["http://169.254.169.254/hunter2", "http://example.com:0/hunter2", "http://10.0.0.1/hunter2"] {
        let error = send(bad).await.unwrap_err();
        assert!(matches!(error, thorn::Error::Target(_)) && !error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(app.text("SELECT name AS text FROM thorn_event").await.len(), 0);
    send("http://127.0.0.1/").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_008_121_own_subscribers_are_delivered_to_inline_and_unknown_to_a_dispatcher() {
    alone!(thorn_008_121_own_subscribers_are_delivered_to_inline_and_unknown_to_a_dispatcher);
    #[derive(Debug)]
    struct Elsewhere;

    #[thorn::async_trait]
    impl thorn::dispatch::Dispatcher for Elsewhere {
        async fn dispatch(&self, events: &[thorn::event::RenderedEvent]) -> Vec<Result<(), thorn::dispatch::BoxError>> {
            events.iter().map(|_| Ok(())).collect()
        }
    }

    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let thorn = thorn::Thorn::builder(app.db().clone()).config(app::config());
    let thorn = thorn.dispatcher("elsewhere", std::sync::Arc::new(Elsewhere)).build().await.unwrap();
    let event = || Event::new("a.b").to(Subscriber::signed(receiver.url("/"), SECRET).unwrap());
    let sent = thorn.send_now(event(), &1).await.unwrap();
    assert_eq!(sent.deliveries.len(), 1);
    assert_eq!(sent.deliveries[0].state, Some(DeliveryState::Delivered), "{sent:?}");
    let request = receiver.received().remove(0);
    assert_eq!(header(&request, "hook-hmac"), hook_hmac(Digest::Sha256, &Secret::new(SECRET), &request.body));
    let elsewhere = |event: Event| event.dispatch(thorn::Dispatch::custom("elsewhere"));
    let refused = elsewhere(event()).send(thorn.db(), &2).await.unwrap_err().to_string();
    assert!(refused.contains("`elsewhere`"), "{refused}");
    elsewhere(Event::new("a.b")).send(thorn.db(), &3).await.unwrap();
}
