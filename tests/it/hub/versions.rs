//! WS29: a subscriber never gets an older version after a newer one.

use std::time::Duration;

use thorn_core::testing::Reply;
use tokio::sync::watch;

use super::{
    fixture::{Hub, Subscribed, encoded, nth, party},
    subscriber::{self, Subscriber},
};
use crate::{
    app::{PATIENCE, eventually},
    engine::server::are,
};

const TOPIC: &str = "https://blog.example/feed";

#[tokio::test]
async fn ws29_a_new_version_cancels_the_one_that_waits_for_its_retry() {
    let hub = Hub::with(&[("THORN_RETRY_DELAY", "30")]).await;
    let subscriber = party().await;
    hub.subscribed(TOPIC, &subscriber.url("/")).await;
    subscriber.reply(Reply::status(500));
    let old = hub.hand_in(TOPIC, "text/plain", b"old").await;
    hub.operator.deliveries(&old, are(1, "waiting", 1)).await;
    subscriber.reply(Reply::status(200));
    let new = hub.hand_in(TOPIC, "text/plain", b"new").await;
    hub.operator.deliveries(&new, are(1, "delivered", 1)).await;
    hub.operator.deliveries(&old, are(1, "cancelled", 1)).await;
    let bodies: Vec<_> = subscriber.received().into_iter().map(|one| one.body).collect();
    assert_eq!(bodies, [b"old", b"new"]);
    // Nor is the old one sent by hand afterwards.
    hub.operator.post(&format!("/events/{old}/resend"), serde_json::json!({})).await.expect(202);
    hub.operator.deliveries(&old, are(1, "cancelled", 1)).await;
    assert_eq!(subscriber.arrived(), 2);
}

#[tokio::test]
async fn ws29_while_an_attempt_is_under_way_in_any_process_the_next_version_waits() {
    let hub = Hub::start().await;
    let (_sibling, other) = hub.sibling(&[]).await;
    let subscriber = party().await;
    let topic = hub.register(TOPIC).await;
    hub.subscribe(&topic, Subscribed::new(&subscriber.url("/"))).await;
    subscriber.reply(Reply::status(200).delay(Duration::from_secs(1)));
    let old = hub.hand_in(TOPIC, "text/plain", b"old").await;
    nth(&subscriber, 1).await;
    let new = hub.hand_in(TOPIC, "text/plain", b"new").await;
    for event in [&old, &new] {
        other.deliveries(event, are(1, "delivered", 1)).await;
    }
    let bodies: Vec<_> = subscriber.received().into_iter().map(|one| one.body).collect();
    assert_eq!((bodies, subscriber.most_at_once()), (vec![b"old".to_vec(), b"new".to_vec()], 1));
}

#[tokio::test]
async fn ws29_of_many_versions_at_once_each_is_newer_than_the_one_before_and_the_last_arrives() {
    let hub = Hub::start().await;
    let (sibling, _) = hub.sibling(&[]).await;
    let subscriber = party().await;
    let topic = hub.register(TOPIC).await;
    for n in 0..3 {
        hub.subscribe(&topic, Subscribed::new(&subscriber.url(&format!("/{n}")))).await;
    }
    let versions = 30;
    for n in 0..versions {
        // Some fail, some take their time.
        let status = if n % 3 == 1 { 500 } else { 200 };
        subscriber.reply(Reply::status(status).delay(Duration::from_millis(n % 4 * 20)));
        hub.hand_in(TOPIC, "text/plain", n.to_string().as_bytes()).await;
    }
    subscriber.reply(Reply::status(200));
    let last = hub.versions().await.remove(0);
    hub.operator.deliveries(&last, |rows| rows.len() == 3 && rows.iter().all(|row| row["state"] == "delivered")).await;
    let received = subscriber.wait_for(3, PATIENCE).await.unwrap();
    for path in ["/0", "/1", "/2"] {
        let of = received.iter().filter(|one| one.path == path);
        let numbers: Vec<u64> = of.map(|one| String::from_utf8_lossy(&one.body).parse().unwrap()).collect();
        assert!(numbers.is_sorted() && numbers.last() == Some(&(versions - 1)), "{path}: {numbers:?}");
    }
    drop(sibling);
}

#[tokio::test]
async fn ac8_kill_9_between_fetch_and_delivery_loses_no_version() {
    let hub = Hub::start().await;
    let (publisher, subscriber) = (super::fixture::publisher("text/plain", "one").await, party().await);
    let url = publisher.url("/feed");
    hub.subscribed(&url, &subscriber.url("/")).await;
    // The attempt is under way when the server dies.
    subscriber.reply(Reply::status(200).delay(Duration::from_secs(60)));
    hub.ping(&url).await;
    nth(&subscriber, 1).await;
    subscriber.reply(Reply::status(200));
    // The turn of the attempt ends by itself, which takes as long as an attempt may.
    let hub = hub.killed_and_started(&[]).await;
    hub.execute("UPDATE thorn_subscription SET sending_until = 1", vec![]).await;
    assert_eq!(nth(&subscriber, 2).await.body, b"one");
    let event = hub.versions().await.remove(0);
    hub.operator.deliveries(&event, |rows| rows.len() == 1 && rows[0]["state"] == "delivered").await;
    assert_eq!((publisher.arrived(), hub.versions().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn ws29_a_version_that_arrives_is_delivered_though_a_second_run_has_cancelled_it() {
    // Each server has a queue of its own. What one of them seems to have lost, the other one runs again.
    let settings = [("THORN_QUEUE_URL", "memory:"), ("THORN_TIMEOUT", "60")];
    let hub = Hub::with(&settings).await;
    let (_sibling, _) = hub.sibling(&settings).await;
    let subscriber = Subscriber::start().await;
    let (release, released) = watch::channel(false);
    subscriber.answers(move |asked| match &asked.body[..] {
        b"old" => subscriber::Reply::new(204, "").held_until(released.clone()),
        _ => subscriber::Reply::new(204, ""),
    });
    hub.subscribed(TOPIC, &subscriber.url("/cb")).await;
    let old = hub.hand_in(TOPIC, "text/plain", b"old").await;
    subscriber.wait_at("/cb", 1).await;
    let new = hub.hand_in(TOPIC, "text/plain", b"new").await;
    // The first run's server is so slow that its turn is over.
    hub.execute("UPDATE thorn_subscription SET sending_until = 1", vec![]).await;
    hub.operator.deliveries(&new, are(1, "delivered", 1)).await;
    hub.operator.deliveries(&old, are(1, "cancelled", 0)).await;
    release.send(true).unwrap();
    hub.operator.deliveries(&old, are(1, "delivered", 1)).await;
    let bodies: Vec<_> = subscriber.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies, [b"old", b"new"]);
}

/// AC8: one server takes the subscriptions, another one the version, and the first dies.
#[tokio::test(flavor = "multi_thread")]
async fn ac8_of_two_servers_the_second_delivers_and_streams_what_the_first_has_begun() {
    const MANY: usize = 8;
    let hub = Hub::start().await;
    let (sibling, other) = hub.sibling(&[]).await;
    hub.register(TOPIC).await;
    let subscriber = Subscriber::start().await;
    for n in 0..MANY {
        let callback = encoded(&subscriber.url(&format!("/{n}")));
        let form = format!("hub.mode=subscribe&hub.callback={callback}&hub.topic={}", encoded(TOPIC));
        hub.post(&hub.operator, "/subscribe", &form).await.expect(202);
    }
    eventually("all subscriptions", || async {
        let shown = other.get("/hooks/").await.expect(200).json();
        if shown.as_array().is_some_and(|all| all.len() == MANY) { Ok(()) } else { Err(shown.to_string()) }
    })
    .await;
    subscriber.answers(|_| subscriber::Reply::new(204, "").after(Duration::from_millis(300)));
    let Hub { server: first, db, .. } = hub;
    let hub = Hub { server: sibling, operator: other, db };
    let event = hub.hand_in(TOPIC, "text/plain", b"a version").await;
    let posts = || subscriber.asked().into_iter().filter(|asked| asked.method == "POST").collect::<Vec<_>>();
    eventually("a delivery under way", || async { if posts().is_empty() { Err("none".to_owned()) } else { Ok(()) } })
        .await;
    let _place = first.kill();
    // The turns of the first server's attempts end by themselves, which takes as long as an attempt may.
    hub.execute("UPDATE thorn_subscription SET sending_until = 1", vec![]).await;
    let all = |rows: &[serde_json::Value]| rows.len() == MANY && rows.iter().all(|row| row["state"] == "delivered");
    hub.operator.deliveries(&event, all).await;
    let mut targets: Vec<_> = posts().into_iter().map(|asked| asked.target).collect();
    targets.sort_unstable();
    targets.dedup();
    assert_eq!(targets.len(), MANY);
    assert!(posts().iter().all(|asked| asked.body == b"a version"));
    let streamed = hub.operator.get("/stream?topic=topic.updated&after=earliest&wait=0").await.expect(200).json();
    let events = streamed["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[0]["id"], &events[0]["text"]), (1, &event.into(), &"a version".into()));
}
