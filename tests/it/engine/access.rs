//! Keys, scopes and owners.

use serde_json::json;
use thorn::{WebhookSecrets, timestamp::Timestamp};
use thorn_core::testing::Receiver;

use super::server::{Caller, Server, are};
use crate::{app::PATIENCE, blog::http};

#[tokio::test]
async fn hookah_h17_ac2_without_a_good_key_the_answer_is_401_with_a_challenge() {
    let (server, operator) = Server::start().await;
    operator.get("/events/").await.expect(200);
    let good = operator.key();
    let changed = format!("{}{}", &good[..good.len() - 2], if good.ends_with("AA") { "BA" } else { "AA" });
    for wrong in [
        String::new(),
        format!("authorization: Basic {good}\r\n"),
        format!("authorization: {good}\r\n"),
        "authorization: Bearer \r\n".into(),
        format!("authorization: Bearer {changed}\r\n"),
        format!("authorization: Bearer {}\r\n", good.to_uppercase()),
        format!("authorization: Bearer {good}\r\nauthorization: Bearer {good}\r\n"),
    ] {
        for (method, path) in [("GET", "/events/"), ("POST", "/events/"), ("GET", "/hooks/"), ("POST", "/hooks/")] {
            let answer = http::request(server.port, method, path, &wrong, b"").await.expect(401);
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"thorn\"", "{wrong}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
    }
    let in_the_url = format!("/events/?access_token={good}");
    server.get(&in_the_url).await.expect(401);
    assert!(!server.said().concat().contains(&changed), "no token in the log");
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say_and_no_more() {
    let (server, _) = Server::start().await;
    let event = json!({ "event": "a.b", "data": {} });
    let resend = "/events/018f3c2a-0000-7000-8000-0000000000ff/resend";
    for (scope, statuses) in [
        ("publish", [201, 403, 403, 403]),
        ("read", [403, 200, 403, 403]),
        ("resend", [403, 403, 404, 403]),
        ("hooks", [403, 403, 403, 200]),
        ("admin", [403, 403, 403, 403]),
    ] {
        let caller = server.key(None, scope);
        let answers = [
            caller.post("/events/", event.clone()).await,
            caller.get("/events/").await,
            caller.post(resend, json!({})).await,
            caller.get("/hooks/").await,
        ];
        assert_eq!(answers.each_ref().map(|answer| answer.status), statuses, "{scope}: {answers:?}");
        for refused in answers.iter().filter(|answer| answer.status == 403) {
            assert!(refused.header("www-authenticate").contains("insufficient_scope"), "{refused:?}");
        }
    }
}

/// DI26, for events that are published.
#[tokio::test]
async fn owners_see_their_own_events_and_deliveries_and_send_as_themselves() {
    let (server, operator) = Server::start().await;
    let (alice, bob) =
        (server.key(Some("alice"), "publish,read,resend,hooks"), server.key(Some("bob"), "publish,read,resend,hooks"));
    let receiver = Receiver::start().await.unwrap();
    for caller in [&alice, &bob, &operator] {
        caller.subscribe("order.*", &receiver.url("/")).await;
    }
    let hers = alice.publish(json!({ "event": "order.paid", "data": 1 })).await;
    let his = bob.publish(json!({ "event": "order.paid", "data": 2, "sender": "bob" })).await;
    let everybodys = operator.publish(json!({ "event": "order.open", "data": 3, "broadcast": true })).await;

    let ids = async |caller: &Caller| {
        let list = caller.get("/events/").await.expect(200).json();
        list.as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&alice).await, [hers.as_str()]);
    assert_eq!(ids(&bob).await, [his.as_str()]);
    assert_eq!(ids(&operator).await, [everybodys.as_str(), &his, &hers]);

    // The operator's subscription gets her event as well, and she doesn't see it.
    operator.deliveries(&hers, are(2, "delivered", 1)).await;
    let seen = alice.deliveries(&hers, are(1, "delivered", 1)).await;
    assert_eq!((seen[0]["url"].as_str(), seen[0].get("error")), (Some(receiver.url("/").as_str()), None));
    operator.deliveries(&everybodys, are(3, "delivered", 1)).await;
    for path in ["", "/body", "/deliveries"] {
        bob.get(&format!("/events/{hers}{path}")).await.expect(404);
    }
    bob.post(&format!("/events/{hers}/resend"), json!({})).await.expect(404);

    alice.post("/events/", json!({ "event": "order.paid", "data": 1, "sender": "bob" })).await.expect(403);
    alice.post("/events/", json!({ "event": "order.paid", "data": 1, "broadcast": true })).await.expect(403);
    operator.publish(json!({ "event": "order.paid", "data": 4, "sender": "alice" })).await;
    assert_eq!(ids(&alice).await.len(), 2);
}

#[tokio::test]
async fn the_hooks_api_has_the_owner_of_the_key() {
    let (server, operator) = Server::start().await;
    let (alice, bob) = (server.key(Some("alice"), "hooks"), server.key(Some("bob"), "hooks"));
    let receiver = Receiver::start().await.unwrap();
    let id = alice.subscribe("a.b", &receiver.url("/")).await;
    let shown = operator.get(&format!("/hooks/{id}/")).await.expect(200).json();
    assert_eq!(shown["user"], "alice");
    assert_eq!(shown["subscription"], format!("http://127.0.0.1:{}/hooks/{id}/", server.port));
    bob.get(&format!("/hooks/{id}/")).await.expect(404);
}

#[tokio::test]
async fn hookah_h17_deliveries_are_signed_and_go_where_the_guard_lets_them() {
    let (_server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let body = json!({ "event": "a.b", "url": receiver.url("/") });
    let secret = operator.post("/hooks/", body).await.expect(201).json()["hmac_secret"].as_str().unwrap().to_owned();
    operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    let received = &receiver.wait_for(1, PATIENCE).await.unwrap()[0];
    let headers = received.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let verified = |secret: &str| {
        let secrets = WebhookSecrets::new([secret]).unwrap();
        secrets.verify(&headers.clone().collect(), &received.body, Timestamp::now())
    };
    verified(&secret).unwrap();
    verified("another-secret-of-24-bytes").unwrap_err();

    let (_guarded, operator) = Server::with(&[("THORN_ALLOW_NETWORKS", "")]).await;
    let body = json!({ "event": "a.b", "url": receiver.url("/") });
    let refused = operator.post("/hooks/", body).await.expect(400).json();
    assert!(refused["errors"]["url"].is_array(), "{refused}");
}
