//! The hub's fetches of topics that have changed.

use std::time::Duration;

use serde_json::json;
use thorn_core::testing::Reply;

use super::fixture::{Hub, Subscribed, nth, party, publisher, publishes};
use crate::app::{PATIENCE, eventually};

/// Long enough that a further fetch would have come.
const GAP: Duration = Duration::from_secs(6);

#[tokio::test]
async fn fe2_ps9_a_fetch_is_conditional_and_what_hasn_t_changed_is_no_event() {
    let hub = Hub::start().await;
    let (publisher, subscriber) = (party().await, party().await);
    let with = |etag: &str, body: &str| {
        let reply = Reply { body: body.to_owned(), ..Reply::status(200) };
        publisher.reply(reply.header("etag", etag).header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"));
    };
    let url = publisher.url("/feed?a=%2F");
    let topic = hub.subscribed(&url, &subscriber.url("/")).await;
    let over = Subscribed { lease: Duration::ZERO, ..Subscribed::new("https://over.example/") };
    hub.subscribe(&topic, over).await;
    with("\"1\"", "one");
    hub.ping(&url).await;
    let first = nth(&publisher, 1).await;
    assert_eq!((first.path.as_str(), first.header("x-hub-subscribers")), ("/feed?a=%2F", "1"));
    let base = hub.url().replace("/hub", "");
    let agent = format!("thorn/{} (+{base}; 1 subscribers)", env!("CARGO_PKG_VERSION"));
    assert_eq!((first.header("user-agent"), first.header("if-none-match")), (agent.as_str(), ""));
    assert_eq!((first.header("accept-encoding"), first.header("cookie")), ("identity", ""));
    nth(&subscriber, 1).await;

    // The same bytes with another validator, and then no bytes at all.
    with("\"2\"", "one");
    hub.ping(&url).await;
    let second = nth(&publisher, 2).await;
    assert_eq!(
        (second.header("if-none-match"), second.header("if-modified-since")),
        ("\"1\"", "Sun, 06 Nov 1994 08:49:37 GMT")
    );
    publisher.reply(Reply::status(304));
    hub.ping(&url).await;
    nth(&publisher, 3).await;
    hub.topic_as(&topic, |topic| topic["fetched_at"].as_str() > topic["pinged_at"].as_str()).await;
    with("\"3\"", "three");
    hub.ping(&url).await;
    assert_eq!(nth(&subscriber, 2).await.body, b"three");
    assert_eq!((hub.versions().await.len(), subscriber.arrived()), (2, 2));
}

#[tokio::test]
async fn fe1_many_pings_are_few_fetches_and_one_during_a_fetch_leads_to_one_more() {
    let hub = Hub::start().await;
    let (publisher, subscriber) = (publisher("text/plain", "old").await, party().await);
    let url = publisher.url("/feed");
    hub.subscribed(&url, &subscriber.url("/")).await;
    publisher.reply(Reply { body: "old".to_owned(), ..Reply::status(200) }.delay(Duration::from_secs(1)));
    hub.ping(&url).await;
    nth(&publisher, 1).await;
    // The fetch has begun and will bring the old version.
    publishes(&publisher, "text/plain", "new");
    for _ in 0..20 {
        hub.ping(&url).await;
    }
    assert_eq!(nth(&subscriber, 1).await.body, b"old");
    assert_eq!(nth(&subscriber, 2).await.body, b"new");
    tokio::time::sleep(GAP).await;
    assert_eq!((publisher.arrived(), publisher.most_at_once()), (2, 1));
}

#[tokio::test]
async fn fe4_a_topic_that_fails_keeps_its_version_and_is_tried_four_times_until_the_next_ping() {
    let hub = Hub::start().await;
    let (publisher, subscriber) = (publisher("text/plain", "one").await, party().await);
    let url = publisher.url("/feed");
    let topic = hub.subscribed(&url, &subscriber.url("/")).await;
    hub.ping(&url).await;
    nth(&subscriber, 1).await;
    let before = hub.topic(&topic).await;
    for (round, status) in [404, 500].into_iter().enumerate() {
        publisher.reply(Reply { body: "sorry".to_owned(), ..Reply::status(status) });
        hub.ping(&url).await;
        hub.topic_as(&topic, |topic| topic["failures"] == 4).await;
        assert_eq!(publisher.arrived(), 5 + 4 * round);
    }
    let after = hub.topic(&topic).await;
    assert_eq!((&after["latest_event"], &after["media_type"]), (&before["latest_event"], &before["media_type"]));
    publishes(&publisher, "text/plain", "two");
    hub.ping(&url).await;
    assert_eq!(nth(&subscriber, 2).await.body, b"two");
    assert_eq!(hub.topic(&topic).await["failures"], 0);
}

#[tokio::test]
async fn fe4_a_fetch_that_fails_once_brings_the_version_at_its_second_try() {
    let hub = Hub::start().await;
    let (publisher, subscriber) = (party().await, party().await);
    publisher.reply(Reply::status(503));
    let url = publisher.url("/feed");
    hub.subscribed(&url, &subscriber.url("/")).await;
    hub.ping(&url).await;
    nth(&publisher, 1).await;
    publishes(&publisher, "text/plain", "there");
    assert_eq!(nth(&subscriber, 1).await.body, b"there");
}

#[tokio::test]
async fn fe5_ws32_a_topic_that_has_moved_is_fetched_there_and_keeps_its_name() {
    let hub = Hub::start().await;
    let (old, new, subscriber) = (party().await, publisher("text/plain", "moved").await, party().await);
    old.reply(Reply::status(301).header("location", &new.url("/here")));
    let url = old.url("/feed");
    let topic = hub.subscribed(&url, &subscriber.url("/")).await;
    hub.ping(&url).await;
    let received = nth(&subscriber, 1).await;
    assert_eq!(received.body, b"moved");
    assert_eq!(received.header("link"), format!("<{}>; rel=\"hub\", <{url}>; rel=\"self\"", hub.url()));
    assert_eq!((new.received()[0].path.as_str(), &hub.topic(&topic).await["url"]), ("/here", &json!(url)));
}

#[tokio::test]
async fn fe6_what_is_empty_too_long_or_encoded_is_no_version() {
    let hub = Hub::with(&[("THORN_MAX_PAYLOAD_BYTES", "1000"), ("THORN_RETRY", "false")]).await;
    let subscriber = party().await;
    let long = "x".repeat(1001);
    let mut topics = Vec::new();
    for (body, encoding, failures) in [("", "identity", 0), (&*long, "identity", 1), ("\u{1f}\u{8b}", "gzip", 1)] {
        let publisher = party().await;
        let reply = Reply { body: body.to_owned(), ..Reply::status(200) };
        publisher.reply(reply.header("content-type", "text/plain").header("content-encoding", encoding));
        let url = publisher.url("/feed");
        let topic = hub.subscribed(&url, &subscriber.url("/")).await;
        hub.ping(&url).await;
        nth(&publisher, 1).await;
        let noted = hub.topic_as(&topic, |topic| topic["fetched_at"].is_string()).await;
        assert_eq!((&noted["failures"], &noted["latest_event"]), (&json!(failures), &json!(null)), "{encoding}");
        topics.push((publisher, topic));
    }
    assert_eq!((hub.versions().await.len(), subscriber.arrived()), (0, 0));
}

#[tokio::test]
async fn fe7_ws19_the_media_type_is_the_topic_s_or_that_of_unknown_bytes() {
    let hub = Hub::start().await;
    let subscriber = party().await;
    for (n, media_type) in
        ["text/plain", "application/json", "Text/HTML;  Charset=\"x\" ; a=b", ""].into_iter().enumerate()
    {
        let publisher = party().await;
        let reply = Reply { body: "{\"a\": [1.0e2]}\n".to_owned(), ..Reply::status(200) };
        publisher.reply(if media_type.is_empty() { reply } else { reply.header("content-type", media_type) });
        let url = publisher.url("/feed");
        hub.subscribed(&url, &subscriber.url("/")).await;
        hub.ping(&url).await;
        let received = nth(&subscriber, n + 1).await;
        let expected = if media_type.is_empty() { "application/octet-stream" } else { media_type };
        assert_eq!((received.header("content-type"), &received.body[..]), (expected, &b"{\"a\": [1.0e2]}\n"[..]));
    }
}

#[tokio::test]
async fn fe8_ws20_deliveries_have_the_links_that_the_topic_advertises() {
    let hub = Hub::start().await;
    let subscriber = party().await;
    let ours = hub.url();
    let in_header = Reply { body: "x".to_owned(), ..Reply::status(200) }
        .header("link", &format!("<https://other.example/>; rel=hub, <{ours}/../hub>; rel=\"hub\""))
        .header("link", "<https://blog.example/feed>; rel=self");
    let in_feed = Reply {
        body: r#"<feed><link rel="self" href="https://blog.example/a?b&amp;c"/><link rel="hub" href="https://h.example"/></feed>"#
            .to_owned(),
        ..Reply::status(200)
    };
    let expected = [
        format!("<{ours}/../hub>; rel=\"hub\", <https://blog.example/feed>; rel=\"self\""),
        "<https://h.example>; rel=\"hub\", <https://blog.example/a?b&c>; rel=\"self\"".to_owned(),
    ];
    for (n, (reply, links)) in [in_header, in_feed].into_iter().zip(expected).enumerate() {
        let publisher = party().await;
        publisher.reply(reply.header("content-type", "application/xml"));
        let url = publisher.url("/feed");
        hub.subscribed(&url, &subscriber.url("/")).await;
        hub.ping(&url).await;
        assert_eq!(nth(&subscriber, n + 1).await.header("link"), links);
    }
}

#[tokio::test]
async fn fe3_a_fetch_that_kill_9_breaks_off_is_made_again_and_its_version_arrives_once() {
    let hub = Hub::start().await;
    let (publisher, subscriber) = (party().await, party().await);
    publisher.reply(Reply { body: "one".to_owned(), ..Reply::status(200) }.delay(Duration::from_secs(60)));
    let url = publisher.url("/feed");
    let topic = hub.subscribed(&url, &subscriber.url("/")).await;
    hub.ping(&url).await;
    nth(&publisher, 1).await;
    publishes(&publisher, "text/plain", "one");
    let hub = hub.killed_and_started(&[]).await;
    // The fetch counts as lost once its time is over, which this brings forward.
    hub.execute("UPDATE thorn_topic SET due_at = 1, fetch_until = 1", vec![]).await;
    assert_eq!(nth(&subscriber, 1).await.body, b"one");
    hub.topic_as(&topic, |topic| topic["latest_event"].is_string()).await;
    assert_eq!((hub.versions().await.len(), publisher.arrived()), (1, 2));
}

#[tokio::test]
async fn a_stopping_server_leaves_its_fetch_to_others_at_once() {
    let hub = Hub::start().await;
    let (publisher, subscriber) = (party().await, party().await);
    publisher.reply(Reply { body: "one".to_owned(), ..Reply::status(200) }.delay(Duration::from_secs(60)));
    let url = publisher.url("/feed");
    hub.subscribed(&url, &subscriber.url("/")).await;
    hub.ping(&url).await;
    nth(&publisher, 1).await;
    publishes(&publisher, "text/plain", "one");
    let Hub { mut server, operator, db } = hub;
    server.terminate();
    assert!(server.ended().await.success());
    let hub = Hub { server, operator, db }.killed_and_started(&[]).await;
    assert_eq!(nth(&subscriber, 1).await.body, b"one");
    drop(hub);
}

#[tokio::test]
async fn ac8_a_ping_at_one_server_is_fetched_and_delivered_once_by_two() {
    let hub = Hub::start().await;
    let (publisher, subscriber) = (publisher("text/plain", "one").await, party().await);
    let url = publisher.url("/feed");
    hub.subscribed(&url, &subscriber.url("/")).await;
    let (sibling, operator) = hub.sibling(&[]).await;
    let form = format!("hub.mode=publish&hub.url={}", super::fixture::encoded(&url));
    hub.post(&operator, "/publish", &form).await.expect(204);
    nth(&subscriber, 1).await;
    assert_eq!((publisher.arrived(), subscriber.arrived()), (1, 1));
    // The first server goes, and the second one goes on alone.
    let Hub { server, db, .. } = hub;
    let place = server.kill();
    publishes(&publisher, "text/plain", "two");
    let left = Hub { server: sibling, operator: operator.clone(), db };
    left.post(&operator, "/publish", &form).await.expect(204);
    assert_eq!(nth(&subscriber, 2).await.body, b"two");
    eventually("both versions", || async {
        let versions = left.versions().await;
        if versions.len() == 2 { Ok(()) } else { Err(format!("{versions:?}")) }
    })
    .await;
    publisher.wait_for(2, PATIENCE).await.unwrap();
    drop((left, place));
}
