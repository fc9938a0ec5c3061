//! When subscriptions end, and when they don't.

use std::time::Duration;

use thorn_core::testing::Reply;

use super::fixture::{Hub, Subscribed, nth, party};
use crate::{app::eventually, engine::server::are};

const TOPIC: &str = "https://blog.example/feed";

#[tokio::test]
async fn ws23_a_callback_that_answers_410_ends_its_subscription_and_404_does_not() {
    let hub = Hub::with(&[("THORN_RETRY", "false")]).await;
    let topic = hub.register(TOPIC).await;
    let (gone, missing) = (party().await, party().await);
    gone.reply(Reply::status(410));
    missing.reply(Reply::status(404));
    let ended = hub.subscribe(&topic, Subscribed::new(&gone.url("/"))).await;
    let stays = hub.subscribe(&topic, Subscribed::new(&missing.url("/"))).await;
    let event = hub.hand_in(TOPIC, "text/plain", b"one").await;
    hub.operator.deliveries(&event, are(2, "dead", 1)).await;
    eventually("the end of a subscription", || async {
        if hub.is_live(ended).await { Err("it is live".to_owned()) } else { Ok(()) }
    })
    .await;
    assert!(hub.is_live(stays).await);
    let event = hub.hand_in(TOPIC, "text/plain", b"two").await;
    hub.operator.deliveries(&event, are(1, "dead", 1)).await;
    assert_eq!((gone.arrived(), missing.arrived()), (1, 2));
}

#[tokio::test]
async fn ws28_a_subscription_that_fails_all_the_time_stays_and_gets_the_next_version() {
    let hub = Hub::with(&[("THORN_RETRY_MAX", "1"), ("THORN_DISABLE_AFTER", "0")]).await;
    let topic = hub.register(TOPIC).await;
    let subscriber = party().await;
    let subscription = hub.subscribe(&topic, Subscribed::new(&subscriber.url("/"))).await;
    subscriber.reply(Reply::status(500));
    for version in [b"one", b"two"] {
        let event = hub.hand_in(TOPIC, "text/plain", version).await;
        hub.operator.deliveries(&event, are(1, "dead", 2)).await;
    }
    assert!(hub.is_live(subscription).await);
    subscriber.reply(Reply::status(200));
    let event = hub.hand_in(TOPIC, "text/plain", b"three").await;
    hub.operator.deliveries(&event, are(1, "delivered", 1)).await;
}

#[tokio::test]
async fn ws18_nothing_is_sent_after_the_end_of_a_lease_also_of_what_waits() {
    let hub = Hub::with(&[("THORN_RETRY_DELAY", "3")]).await;
    let topic = hub.register(TOPIC).await;
    let (short, long) = (party().await, party().await);
    short.reply(Reply::status(500));
    let callback = short.url("/");
    let lease = Duration::from_secs(2);
    hub.subscribe(&topic, Subscribed { lease, ..Subscribed::new(&callback) }).await;
    hub.subscribe(&topic, Subscribed::new(&long.url("/"))).await;
    let event = hub.hand_in(TOPIC, "text/plain", b"one").await;
    nth(&short, 1).await;
    // Its second attempt is due after the end of the lease.
    let rows = hub.operator.deliveries(&event, |rows| rows.iter().any(|row| row["state"] == "cancelled")).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    let event = hub.hand_in(TOPIC, "text/plain", b"two").await;
    hub.operator.deliveries(&event, are(1, "delivered", 1)).await;
    assert_eq!((short.arrived(), long.arrived()), (1, 2));
}

#[tokio::test]
async fn a_topic_that_was_deleted_is_delivered_no_more() {
    let hub = Hub::with(&[("THORN_RETRY_DELAY", "1")]).await;
    let topic = hub.register(TOPIC).await;
    let subscriber = party().await;
    subscriber.reply(Reply::status(500));
    hub.subscribe(&topic, Subscribed::new(&subscriber.url("/"))).await;
    let event = hub.hand_in(TOPIC, "text/plain", b"one").await;
    nth(&subscriber, 1).await;
    let path = format!("/topics/{topic}");
    let headers = hub.operator.authorization();
    crate::blog::http::request(hub.operator.port(), "DELETE", &path, &headers, b"").await.expect(204);
    hub.operator.deliveries(&event, are(1, "cancelled", 1)).await;
    assert_eq!(subscriber.arrived(), 1);
}
