//! `/topics/`, and dispatches to a topic.

use serde_json::json;

use super::fixture::{Hub, Subscribed, encoded, nth, party};
use crate::{blog::http, engine::server::Server};

const TOPIC: &str = "https://blog.example/feed?x=1&y=%2F";

#[tokio::test]
async fn a_topic_is_registered_once_listed_shown_and_deleted() {
    let hub = Hub::start().await;
    let (alice, bob) = (hub.server.key(Some("alice"), "hub.publish"), hub.server.key(Some("bob"), "hub.publish"));
    let made = alice.post("/topics/", json!({ "url": TOPIC })).await.expect(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let base = hub.url().replace("/hub", "");
    assert_eq!(made.header("location"), format!("{base}/topics/{id}"));
    let spelt = "HTTPS://blog.example:443/feed?x=1&y=%2F#top";
    assert_eq!(alice.post("/topics/", json!({ "url": spelt })).await.expect(200).json()["id"], id.as_str());
    let taken = bob.post("/topics/", json!({ "url": TOPIC })).await.expect(409);
    assert!(taken.text.contains("Somebody else"), "{}", taken.text);

    let shown = alice.get(&format!("/topics/{id}")).await.expect(200);
    assert_eq!(shown.header("link"), format!("<{}>; rel=\"hub\", <{TOPIC}>; rel=\"self\"", hub.url()));
    let shown = shown.json();
    assert_eq!((&shown["url"], &shown["owner"], &shown["registered"]), (&json!(TOPIC), &json!("alice"), &json!(true)));
    assert_eq!(shown["pinged_at"], json!(null));
    let other = hub.register("https://blog.example/other").await;
    let ids = |answer: http::Answer| {
        let topics = answer.expect(200).json();
        topics.as_array().unwrap().iter().map(|topic| topic["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(alice.get("/topics/").await), [&*id]);
    assert_eq!(ids(bob.get("/topics").await), [""; 0]);
    assert_eq!(ids(hub.operator.get("/topics/?limit=1").await), [&*id]);
    assert_eq!(ids(hub.operator.get(&format!("/topics/?limit=1&cursor={id}")).await), [&*other]);

    let delete = async |caller: &crate::engine::server::Caller, id: &str| {
        http::request(caller.port(), "DELETE", &format!("/topics/{id}"), &caller.authorization(), b"").await
    };
    for hidden in [&other, "x", "018f3c2a-0000-7000-8000-0000000000ff"] {
        alice.get(&format!("/topics/{hidden}")).await.expect(404);
        delete(&alice, hidden).await.expect(404);
    }
    delete(&alice, &id).await.expect(204);
    alice.get(&format!("/topics/{id}")).await.expect(404);
    bob.post("/topics/", json!({ "url": TOPIC })).await.expect(201);
}

#[tokio::test]
async fn a_topic_that_can_t_be_one_is_refused_and_so_is_a_key_without_the_scope() {
    let (server, operator) = Server::start().await;
    for body in [
        json!({}),
        json!({ "url": 7 }),
        json!({ "url": "" }),
        json!({ "url": "feed" }),
        json!({ "url": "ftp://blog.example/" }),
        json!({ "url": "https://u:p@blog.example/" }),
        json!({ "url": "http://127.0.0.1/feed" }),
        json!({ "url": "http://blog.example:8080/feed" }),
        json!({ "url": "http://169.254.169.254/latest/meta-data" }),
        json!({ "url": TOPIC, "owner": "alice" }),
        json!({ "url": format!("https://blog.example/{}", "x".repeat(2048)) }),
    ] {
        operator.post("/topics/", body.clone()).await.expect(400);
    }
    assert_eq!(operator.get("/topics/").await.expect(200).json(), json!([]));
    let other = server.key(None, "publish,hooks,read,dispatch");
    other.get("/topics/").await.expect(403);
    other.post("/topics/", json!({ "url": TOPIC })).await.expect(403);
    server.get("/topics/").await.expect(401);
}

#[tokio::test]
async fn a_server_without_a_hub_has_none_of_its_paths() {
    let (_server, operator) = Server::with(&[("THORN_HUB", "off")]).await;
    operator.get("/topics/").await.expect(404);
    for path in ["/hub", "/publish", "/subscribe"] {
        operator.post(path, json!({})).await.expect(404);
    }
}

#[tokio::test]
async fn di12_a_dispatch_to_a_topic_reaches_its_subscribers_with_links() {
    let hub = Hub::start().await;
    let subscriber = party().await;
    let topic = hub.register(TOPIC).await;
    hub.subscribe(&topic, Subscribed { secret: "s3cr3t", ..Subscribed::new(&subscriber.url("/cb")) }).await;
    let event = hub.hand_in(TOPIC, "application/atom+xml; charset=\"utf-8\"", b"<feed>\xff\0</feed>").await;
    let received = nth(&subscriber, 1).await;
    assert_eq!((received.path.as_str(), &received.body[..]), ("/cb", &b"<feed>\xff\0</feed>"[..]));
    assert_eq!(received.header("content-type"), "application/atom+xml; charset=\"utf-8\"");
    assert_eq!(received.header("link"), format!("<{}>; rel=\"hub\", <{TOPIC}>; rel=\"self\"", hub.url()));
    assert!(received.header("x-hub-signature").starts_with("sha256="));
    let shown = hub.topic(&topic).await;
    assert_eq!((&shown["latest_event"], &shown["fetched_at"]), (&json!(event), &json!(null)));
}

#[tokio::test]
async fn di12_only_a_registered_topic_of_the_caller_s_takes_a_dispatch() {
    let hub = Hub::start().await;
    let alice = hub.server.key(Some("alice"), "hub.publish,dispatch,read");
    let no_scope = hub.server.key(Some("alice"), "dispatch");
    hub.register(TOPIC).await;
    let dispatch = async |caller: &crate::engine::server::Caller, topic: &str, body: &[u8]| {
        let headers = format!("content-type: text/plain\r\n{}", caller.authorization());
        let path = format!("/dispatch?_topic={}", encoded(topic));
        http::request(caller.port(), "POST", &path, &headers, body).await
    };
    dispatch(&no_scope, TOPIC, b"x").await.expect(403);
    dispatch(&alice, TOPIC, b"x").await.expect(404);
    dispatch(&hub.operator, "https://blog.example/other", b"x").await.expect(404);
    dispatch(&hub.operator, TOPIC, b"").await.expect(400);
    dispatch(&hub.operator, "https://u:p@blog.example/", b"x").await.expect(400);
    assert_eq!(hub.versions().await, [""; 0]);
    // An event of the same name by hand is refused, so nobody else can send to a topic's subscribers.
    hub.operator.post("/events/", json!({ "event": "topic.updated", "data": 1 })).await.expect(400);
    alice.post("/topics/", json!({ "url": "https://alice.example/" })).await.expect(201);
    dispatch(&alice, "https://alice.example/#top", b"x").await.expect(202);
    assert_eq!(hub.versions().await.len(), 1);
}
