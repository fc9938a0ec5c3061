//! `POST /hooks/verify/`: what django-webhooks planned, "think PayPal IPN".

use serde_json::json;
use thorn_core::testing::{Received, Receiver};

use super::{
    dispatch::{encoded, first, post, receiver},
    server::Server,
};
use crate::blog::http::{self, Answer};

/// The headers that a receiver sends back.
const SENT_BACK: [&str; 5] =
    ["webhook-id", "hook-event-id", "hook-subscription", "webhook-timestamp", "webhook-signature"];

type Headers = Vec<(&'static str, String)>;

fn headers(delivery: &Received) -> Headers {
    let there = SENT_BACK.into_iter().filter(|name| !delivery.header(name).is_empty());
    there.map(|name| (name, delivery.header(name).to_owned())).collect()
}

/// Asks without a key.
async fn verify(server: &Server, headers: &Headers, body: &[u8]) -> Answer {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    http::request(server.port, "POST", "/hooks/verify/", &lines, body).await
}

async fn verified(server: &Server, headers: &Headers, body: &[u8]) -> String {
    verify(server, headers, body).await.expect(200).text
}

/// Delivers an event with this number to a subscription of alice's with more members.
async fn delivered(server: &Server, n: u32, more: serde_json::Value) -> (Receiver, Received) {
    let alice = server.key(Some("alice"), "hooks,publish");
    let target = receiver().await;
    let mut body = json!({ "event": "a.b", "url": target.url("/") });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    alice.post("/hooks/", body).await.expect(201);
    alice.publish(json!({ "event": "a.b", "data": { "n": n, "text": "ä & = \" \u{1f33f}" } })).await;
    let delivery = first(&target).await;
    (target, delivery)
}

#[tokio::test]
async fn a_delivery_is_verified_exactly_as_it_was_sent() {
    let (server, _) = Server::start().await;
    for more in [json!({}), json!({ "content_type": "application/x-www-form-urlencoded" })] {
        let (_target, delivery) = delivered(&server, 1, more).await;
        let sent = headers(&delivery);
        assert_eq!(sent.len(), SENT_BACK.len());
        assert_eq!(verified(&server, &sent, &delivery.body).await, "VERIFIED");
        // Each header counts, and each byte.
        for (index, (name, value)) in sent.iter().enumerate() {
            let mut without = sent.clone();
            without.remove(index);
            assert_eq!(verified(&server, &without, &delivery.body).await, "INVALID", "without {name}");
            let mut changed = sent.clone();
            let last = value.len() - 2;
            let other = if value.as_bytes()[last] == b'1' { "2" } else { "1" };
            changed[index].1.replace_range(last..=last, other);
            assert_eq!(verified(&server, &changed, &delivery.body).await, "INVALID", "{name}: {}", changed[index].1);
        }
        for body in [&b""[..], b"{}", &delivery.body[1..], &[&delivery.body, &b" "[..]].concat()] {
            assert_eq!(verified(&server, &sent, body).await, "INVALID");
        }
    }
}

#[tokio::test]
async fn the_headers_of_one_delivery_don_t_verify_the_body_of_another() {
    let (server, _) = Server::start().await;
    let (_target, one) = delivered(&server, 1, json!({})).await;
    let (_other_target, other) = delivered(&server, 2, json!({ "event": "a.*" })).await;
    assert_eq!(verified(&server, &headers(&other), &other.body).await, "VERIFIED");
    assert_ne!(one.body, other.body);
    assert_eq!(verified(&server, &headers(&one), &other.body).await, "INVALID");
    let mixed = headers(&one).into_iter().zip(headers(&other));
    for (at, name) in SENT_BACK.iter().enumerate() {
        if one.header(name) == other.header(name) {
            // Both may be sent in the same second.
            assert_eq!(*name, "webhook-timestamp");
            continue;
        }
        let mixed = mixed.clone().enumerate().map(|(n, (one, other))| if n == at { other } else { one }).collect();
        assert_eq!(verified(&server, &mixed, &one.body).await, "INVALID", "{name}");
    }
}

#[tokio::test]
async fn dispatches_are_verified_with_a_secret_and_without() {
    let (server, operator) = Server::start().await;
    let target = receiver().await;
    let bytes = b"\0raw \xff bytes";
    let path = format!("/dispatch?_url={}", encoded(&target.url("/")));
    for (secret, headers_sent_back) in [("", 3), ("thorn-secret: whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\r\n", 5)] {
        post(&operator, &path, &format!("content-type: image/png\r\n{secret}"), bytes).await.expect(202);
        let delivery = target.wait_for(if secret.is_empty() { 1 } else { 2 }, crate::app::PATIENCE).await.unwrap();
        let delivery = delivery.last().unwrap();
        let sent = headers(delivery);
        assert!(sent.len() >= headers_sent_back, "{sent:?}");
        assert_eq!(verified(&server, &sent, bytes).await, "VERIFIED");
        assert_eq!(verified(&server, &sent, b"raw bytes").await, "INVALID");
    }
}

#[tokio::test]
async fn a_source_may_ask_only_so_often_and_nothing_else_is_told() {
    let (server, operator) = Server::start().await;
    let mut limited = None;
    for _ in 0..1_000 {
        let answer = verify(&server, &Headers::new(), b"x").await;
        if answer.status != 200 {
            limited = Some(answer);
            break;
        }
        assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("INVALID", "no-store"));
    }
    let limited = limited.expect("1,000 requests at once are too many").expect(429);
    assert!(limited.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(http::request(server.port, "GET", "/hooks/verify/", "", b"").await.status, 405);
    // Others of the same address go on.
    operator.get("/hooks/").await.expect(200);
}
