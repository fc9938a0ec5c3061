//! `PubSubHubbub` 0.1 to 0.4: requests with `hub.verify`.

use std::time::{Duration, Instant};

use thorn::{signing::Digest, subscription::Dialect};

use super::{
    running::{RunningHub, TOPIC, subscribed},
    subscriber::{Reply, Subscriber},
};
use crate::{blog::http, engine::dispatch::encoded};

const SYNC: (&str, &str) = ("hub.verify", "sync");
const ASYNC: (&str, &str) = ("hub.verify", "async");

#[tokio::test(flavor = "multi_thread")]
async fn ps1_the_first_kind_of_verification_that_the_hub_knows_is_used() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    for (path, verify, status) in [
        ("/1", &[SYNC][..], 204),
        ("/2", &[ASYNC], 202),
        ("/3", &[SYNC, ASYNC], 204),
        ("/4", &[ASYNC, SYNC], 202),
        ("/5", &[("hub.verify", "later"), SYNC], 204),
        ("/6", &[("hub.verify", ""), ASYNC, SYNC], 202),
    ] {
        let callback = subscriber.url(path);
        let answer = hub.ask("subscribe", &callback, verify).await.expect(status);
        assert!(answer.text.is_empty(), "{answer:?}");
        if status == 204 {
            assert!(hub.find(&callback).await.is_some(), "{path} is verified before the answer");
        }
        let spec = hub.subscribed(&callback).await.spec;
        assert_eq!((spec.dialect, spec.destination.signing.digest), (Dialect::PubSubHubbub, Digest::Sha1));
    }
    hub.ask("subscribe", &subscriber.url("/7"), &[("hub.verify", "later")]).await.expect(400);
    // Without it, the request is one of WebSub.
    let spec = hub.subscribe(&subscriber.url("/8"), &[]).await.spec;
    assert_eq!((spec.dialect, spec.destination.signing.digest), (Dialect::WebSub, Digest::Sha256));
}

#[tokio::test(flavor = "multi_thread")]
async fn ps2_ps7_a_request_that_waits_gets_409_unless_the_callback_consents_at_once() {
    let hub = RunningHub::start().await;
    let (subscriber, kept) = subscribed(&hub, "/kept", &[SYNC_OF_WEBSUB]).await;
    let statuses: Vec<u16> = (300..=307).chain(400..=417).chain(500..=505).filter(|status| *status != 304).collect();
    for status in statuses {
        subscriber.answers(move |asked| Reply::new(status, asked.challenge()));
        let answer = hub.ask("subscribe", &subscriber.url("/cb"), &[SYNC]).await.expect(409);
        assert_eq!(answer.text, "409 hub.callback: it didn't confirm", "nothing else is told");
        hub.ask("unsubscribe", &kept, &[SYNC]).await.expect(409);
    }
    subscriber.answers(|_| Reply::new(200, "another challenge"));
    hub.ask("subscribe", &subscriber.url("/cb"), &[SYNC]).await.expect(409);
    assert_eq!(hub.subscriptions().await.len(), 1);
    assert_eq!(hub.intents().await, 0, "it is asked once");
    let expected = 8 - 1 + 18 + 6 + 1;
    assert_eq!(subscriber.asked_at("/cb").len(), expected);
    subscriber.answers(Reply::echo);
    hub.ask("unsubscribe", &kept, &[SYNC]).await.expect(204);
    assert!(hub.subscriptions().await.is_empty());
    // The answer to a repeated request is the callback's, too, so it tells nobody whether there was a subscription.
    let asked = subscriber.asked().len();
    hub.ask("unsubscribe", &kept, &[SYNC]).await.expect(204);
    subscriber.answers(|_| Reply::new(404, ""));
    hub.ask("unsubscribe", &kept, &[SYNC]).await.expect(409);
    assert_eq!(subscriber.asked().len(), asked + 2);
    // A topic that the hub doesn't distribute is no reason to ask anybody.
    let form = [("hub.mode", "unsubscribe"), ("hub.callback", &*kept), ("hub.topic", "https://other.example/"), SYNC];
    hub.post(&form).await.expect(404);
    assert_eq!(subscriber.asked().len(), asked + 2);
}

/// A parameter that no hub knows.
const SYNC_OF_WEBSUB: (&str, &str) = ("hub.sync", "sync");

#[tokio::test(flavor = "multi_thread")]
async fn ps2_a_callback_has_10_seconds_and_nobody_listens_at_a_dead_one() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    subscriber.answers(|asked| Reply::echo(asked).after(Duration::from_secs(60)));
    let began = Instant::now();
    hub.ask("subscribe", &subscriber.url("/cb"), &[SYNC]).await.expect(409);
    assert!((9..30).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    drop(subscriber);
    let gone = Subscriber::start().await.url("/cb");
    hub.ask("subscribe", &gone, &[SYNC]).await.expect(409);
    assert_eq!(hub.intents().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ps7_without_waiting_404_is_final_and_500_changes_nothing_until_it_is_asked_again() {
    let hub = RunningHub::start().await;
    let (subscriber, callback) = subscribed(&hub, "/cb", &[("hub.secret", "old")]).await;
    let before = hub.subscribed(&callback).await;
    subscriber.answers(|asked| Reply::new(if asked.target.starts_with("/404") { 404 } else { 500 }, ""));
    hub.ask("subscribe", &subscriber.url("/404"), &[ASYNC]).await.expect(202);
    hub.ask("subscribe", &callback, &[ASYNC, ("hub.secret", "new")]).await.expect(202);
    subscriber.wait_at("/404", 1).await;
    subscriber.wait_at("/cb", 2).await;
    crate::app::eventually("the end of the final one", || async {
        match hub.intents().await {
            1 => Ok(()),
            left => Err(left.to_string()),
        }
    })
    .await;
    assert_eq!(hub.subscribed(&callback).await, before);
    subscriber.answers(Reply::echo);
    // The first pause is five seconds.
    subscriber.wait_at("/cb", 3).await;
    hub.has_asked_everybody().await;
    let after = hub.subscribed(&callback).await;
    assert_eq!(after.spec.destination.signing.secret.unwrap().expose(), "new");
    assert_eq!((after.spec.dialect, subscriber.asked_at("/404").len()), (Dialect::PubSubHubbub, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn ps3_br1_a_token_comes_back_if_it_was_given() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let token = |path: &str| subscriber.asked_at(path).pop().unwrap().parameter("hub.verify_token");
    for (path, more, expected) in [
        ("/1", &[SYNC][..], None),
        ("/2", &[SYNC, ("hub.verify_token", "t&o=k e+n%")], Some("t&o=k e+n%")),
        ("/3", &[SYNC, ("hub.verify_token", "")], Some("")),
    ] {
        hub.ask("subscribe", &subscriber.url(path), more).await.expect(204);
        assert_eq!(token(path).as_deref(), expected, "{path}");
        hub.ask("unsubscribe", &subscriber.url(path), more).await.expect(204);
        assert_eq!(token(path).as_deref(), expected, "{path}");
    }
    hub.subscribe(&subscriber.url("/4"), &[("hub.verify_token", "t")]).await;
    assert_eq!(token("/4"), None, "WebSub has no tokens");
    let long = "t".repeat(1025);
    hub.ask("subscribe", &subscriber.url("/5"), &[SYNC, ("hub.verify_token", &long)]).await.expect(400);
}

/// The request of `FreshRSS`, byte for byte but for the URLs: a lease in seconds as text, and both kinds of verification.
#[tokio::test(flavor = "multi_thread")]
async fn br1_the_request_of_a_feed_reader_is_understood() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let body = format!(
        "hub.verify=sync&hub.mode=subscribe&hub.topic={}&hub.callback={}&hub.lease_seconds=604800",
        encoded(TOPIC),
        encoded(&subscriber.url("/api/pshb.php?k=2c9d")),
    );
    let headers =
        "content-type: application/x-www-form-urlencoded\r\nuser-agent: FreshRSS/1.24 (Linux)\r\naccept: */*\r\n";
    http::request(hub.server.port, "POST", "/hub", headers, body.as_bytes()).await.expect(204);
    let asked = subscriber.asked();
    assert_eq!((asked.len(), asked[0].parameter("hub.lease_seconds").as_deref()), (1, Some("604800")));
    assert!(asked[0].target.starts_with("/api/pshb.php?k=2c9d&hub.mode=subscribe&"), "{}", asked[0].target);
}

#[tokio::test(flavor = "multi_thread")]
async fn ab4_waiting_can_be_switched_off() {
    let hub = RunningHub::with(&[("THORN_HUB_SYNC", "false")]).await;
    let subscriber = Subscriber::start().await;
    let answer = hub.ask("subscribe", &subscriber.url("/1"), &[SYNC]).await.expect(400);
    assert!(answer.text.starts_with("400 hub.verify: "), "{answer:?}");
    hub.ask("subscribe", &subscriber.url("/2"), &[SYNC, ASYNC]).await.expect(202);
    hub.subscribed(&subscriber.url("/2")).await;
    assert!(subscriber.asked_at("/1").is_empty());
}
