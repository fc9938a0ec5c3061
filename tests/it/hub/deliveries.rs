//! Deliveries to subscribers: bytes, types, links, signatures.

use thorn::signing::{Digest, Secret, hub_signature};
use thorn_core::testing::Reply;

use super::fixture::{Hub, Subscribed, nth, party, publisher};
use crate::{app::PATIENCE, engine::server::are};

const TOPIC: &str = "https://blog.example/feed";

#[tokio::test]
async fn ws19_ws25_wr100_a_delivery_has_the_whole_content_its_type_and_links_and_nothing_else_of_the_topic() {
    let hub = Hub::start().await;
    let (publisher, subscriber) = (party().await, party().await);
    let body = format!("<feed>é{}</feed>\r\n", "x".repeat(100_000));
    let reply = Reply { body: body.clone(), ..Reply::status(200) };
    let reply =
        ["set-cookie: a=b", "etag: \"e\"", "server: blog", "x-hub-signature: sha256=00", "cache-control: no-cache"]
            .iter()
            .filter_map(|header| header.split_once(": "))
            .fold(reply.header("content-type", "application/atom+xml"), |reply, (name, value)| {
                reply.header(name, value)
            });
    publisher.reply(reply);
    let url = publisher.url("/feed");
    hub.subscribed(&url, &subscriber.url("/cb?x=1&x=%2F&hub.mode=mine")).await;
    hub.ping(&url).await;
    let received = nth(&subscriber, 1).await;
    assert!(received.body == body.as_bytes());
    assert_eq!(received.path, "/cb?x=1&x=%2F&hub.mode=mine", "ws27: the callback's query goes with the POST");
    let mut names: Vec<_> = received.headers.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = ["accept", "content-length", "content-type", "host", "link", "user-agent", "webhook-id"];
    assert_eq!(names, expected, "ws21: without a secret there is no signature");
}

#[tokio::test]
async fn ws21_ps10_br10_each_subscription_of_a_topic_is_signed_with_its_own_secret_and_digest() {
    let hub = Hub::start().await;
    let topic = hub.register(TOPIC).await;
    let subscriber = party().await;
    let signed = [
        ("/websub", "websub", "sha256", Digest::Sha256, "first"),
        ("/old", "websub-0.x", "sha1", Digest::Sha1, "sec ond é"),
        ("/strong", "websub", "sha512", Digest::Sha512, "third"),
    ];
    for (path, dialect, digest, _, secret) in signed {
        let callback = subscriber.url(path);
        hub.subscribe(&topic, Subscribed { secret, dialect, digest, ..Subscribed::new(&callback) }).await;
    }
    let unsigned = subscriber.url("/unsigned");
    hub.subscribe(&topic, Subscribed::new(&unsigned)).await;
    hub.hand_in(TOPIC, "text/plain", b"content").await;
    let received = subscriber.wait_for(4, PATIENCE).await.unwrap();
    for (path, _, _, digest, secret) in signed {
        let one = received.iter().find(|one| one.path == path).unwrap();
        assert_eq!(one.header("x-hub-signature"), hub_signature(digest, &Secret::new(secret), b"content"));
        assert!(!one.headers.contains_key("webhook-signature") && !one.headers.contains_key("hook-hmac"));
    }
    let unsigned = received.iter().find(|one| one.path == "/unsigned").unwrap();
    assert!(!unsigned.headers.contains_key("x-hub-signature"));
}

#[tokio::test]
async fn br10_ws26_one_callback_hears_of_its_topics_alone_and_spellings_of_a_callback_are_each_heard() {
    let hub = Hub::start().await;
    let subscriber = party().await;
    let other = "https://blog.example/other";
    let (one, two) = (hub.register(TOPIC).await, hub.register(other).await);
    hub.register("https://blog.example/third").await;
    let callback = subscriber.url("/both");
    hub.subscribe(&one, Subscribed { secret: "one", ..Subscribed::new(&callback) }).await;
    hub.subscribe(&two, Subscribed { secret: "two", ..Subscribed::new(&callback) }).await;
    hub.hand_in("https://blog.example/third", "text/plain", b"third").await;
    for (n, (url, secret)) in [(TOPIC, "one"), (other, "two")].into_iter().enumerate() {
        hub.hand_in(url, "text/plain", url.as_bytes()).await;
        let received = nth(&subscriber, n + 1).await;
        assert_eq!(received.body, url.as_bytes());
        assert_eq!(
            received.header("x-hub-signature"),
            hub_signature(Digest::Sha256, &Secret::new(secret), url.as_bytes())
        );
    }
    subscriber.forget();
    let third = hub.register("https://blog.example/fourth").await;
    let mut spellings = ["/cb", "/cb/", "/cb?a", "/cb?a="];
    for path in spellings {
        hub.subscribe(&third, Subscribed::new(&subscriber.url(path))).await;
    }
    hub.hand_in("https://blog.example/fourth", "text/plain", b"x").await;
    let received = subscriber.wait_for(4, PATIENCE).await.unwrap();
    let mut paths: Vec<_> = received.iter().map(|one| one.path.as_str()).collect();
    paths.sort_unstable();
    spellings.sort_unstable();
    assert_eq!(paths, spellings);
}

#[tokio::test]
async fn br3_ws24_other_codes_are_retried_with_both_links_each_time_and_redirects_arent_followed() {
    let hub = Hub::start().await;
    let (subscriber, elsewhere) = (party().await, party().await);
    hub.subscribed(TOPIC, &subscriber.url("/")).await;
    subscriber.reply(Reply::status(302).header("location", &elsewhere.url("/")));
    let event = hub.hand_in(TOPIC, "text/plain", b"content").await;
    nth(&subscriber, 1).await;
    subscriber.reply(Reply::status(404));
    nth(&subscriber, 2).await;
    subscriber.reply(Reply { body: "hub.challenge".to_owned(), ..Reply::status(299) });
    hub.operator.deliveries(&event, are(1, "delivered", 3)).await;
    let received = subscriber.received();
    let links = format!("<{}>; rel=\"hub\", <{TOPIC}>; rel=\"self\"", hub.url());
    for one in &received {
        assert_eq!((one.header("link"), &one.body[..]), (links.as_str(), &b"content"[..]));
        assert_eq!(one.header("webhook-id"), received[0].header("webhook-id"));
    }
    assert_eq!((received.len(), elsewhere.arrived()), (3, 0));
}

#[tokio::test]
async fn a_topic_s_version_goes_to_its_subscriptions_and_to_no_pattern() {
    let hub = Hub::start().await;
    let (publisher, subscriber, webhook) = (publisher("text/plain", "one").await, party().await, party().await);
    for pattern in ["topic.updated", "*", "topic.*", "**"] {
        hub.operator.subscribe(pattern, &webhook.url("/")).await;
    }
    let url = publisher.url("/feed");
    hub.subscribed(&url, &subscriber.url("/")).await;
    // A subscription of the hub matches no event by its name either.
    hub.operator.publish(serde_json::json!({ "event": "other.event", "data": 1 })).await;
    webhook.wait_for(2, PATIENCE).await.unwrap();
    webhook.forget();
    hub.ping(&url).await;
    nth(&subscriber, 1).await;
    let event = hub.versions().await.remove(0);
    hub.operator.deliveries(&event, are(1, "delivered", 1)).await;
    assert_eq!((webhook.arrived(), subscriber.arrived()), (0, 1));
}
