//! `POST /trigger/{name}`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thorn::timestamp::Timestamp;
use thorn_core::testing::{Receiver, Reply};

use super::{event, trigger, webhook};
use crate::{
    app::PATIENCE,
    blog::http,
    engine::server::{Server, are},
};

#[tokio::test]
async fn hooks_k05_k06_k07_ha6_a_trigger_is_a_post_that_sends_json_with_event_and_time() {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let id = event(&operator, "order/é.paid").await;
    webhook(&operator, "w", &receiver.url("/"), &[id]).await;
    let path = "/trigger/order%2F%C3%A9.paid";
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let answer = http::request(server.port, method, path, &operator.authorization(), b"").await;
        assert!(matches!((method, answer.status), ("OPTIONS", 200) | (_, 405)), "{method}: {answer:?}");
    }
    for unknown in ["/trigger/other", "/trigger/order%2F%C3%A9.PAID", "/trigger/a%00b", "/trigger/%FF", "/trigger/*"] {
        operator.post(unknown, json!({})).await.expect(404);
    }
    let before = Timestamp::now();
    let answer = http::request(server.port, "POST", path, &operator.authorization(), b"").await.expect(202);
    let sent = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("http://127.0.0.1:{}/events/{sent}", server.port));
    let received = receiver.wait_for(1, PATIENCE).await.unwrap().remove(0);
    assert_eq!((received.header("content-type"), received.header("hook-event-id")), ("application/json", &*sent));
    let Value::Object(body) = received.json() else { panic!("{received:?}") };
    assert_eq!((body.len(), &body["event"]), (2, &json!("order/é.paid")));
    let time = body["time"].as_str().unwrap();
    // Microseconds, and the zone.
    assert!(time.len() == 27 && time.ends_with('Z') && &time[19..20] == ".", "{time}");
    let time: Timestamp = time.parse().unwrap();
    assert!((before..=Timestamp::now()).contains(&time), "{time}");

    receiver.forget();
    let headers = format!("{}content-type: application/json\r\n", operator.authorization());
    let given = br#" {"z": 12345678901234567890.10, "event": "no", "data": {"b": 1e2, "a": []}, "time": 0} "#;
    http::request(server.port, "POST", &format!("{path}/"), &headers, given).await.expect(202);
    let received = receiver.wait_for(1, PATIENCE).await.unwrap().remove(0);
    let text = String::from_utf8(received.body).unwrap();
    let (start, end) =
        (r#"{"event":"order/é.paid","time":""#, r#"","z":12345678901234567890.10,"data":{"b": 1e2, "a": []}}"#);
    assert!(text.starts_with(start) && text.ends_with(end), "{text}");
}

#[tokio::test]
async fn hooks_k07_ha6_a_body_that_is_no_json_object_is_refused_and_sends_nothing() {
    let (server, operator) = Server::with(&[("THORN_MAX_PAYLOAD_BYTES", "1000")]).await;
    event(&operator, "a").await;
    for (kind, body, status) in [
        ("application/json", "[]", 400),
        ("application/json", "1", 400),
        ("application/json", "null", 400),
        ("application/json", "\"a\"", 400),
        ("application/json", "{", 400),
        ("application/json", "{\"a\":1,\"a\":2}", 400),
        ("application/json", "{} {}", 400),
        ("text/plain", "{}", 415),
        ("application/x-www-form-urlencoded", "a=1", 415),
        ("application/json", &format!("{{\"a\":\"{}\"}}", "x".repeat(1000)), 413),
        // The body itself fits, but not the event.
        ("application/json", &format!("{{\"a\":\"{}\"}}", "x".repeat(990)), 413),
    ] {
        let headers = format!("{}content-type: {kind}\r\n", operator.authorization());
        let answer = http::request(server.port, "POST", "/trigger/a", &headers, body.as_bytes()).await.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{body}");
    }
    assert_eq!(operator.get("/events/").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn hooks_k08_k11_ha7_each_webhook_gets_one_delivery_and_those_that_hang_stop_nobody() {
    const HANGING: usize = 12;
    let (_server, operator) = Server::start().await;
    let (hanging, good) = (Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    hanging.reply(Reply::status(200).delay(Duration::from_secs(600)));
    let id = event(&operator, "a").await;
    for n in 0..HANGING {
        webhook(&operator, &format!("hanging {n}"), &hanging.url(&format!("/{n}")), &[id]).await;
    }
    // Two webhooks of one URL are two.
    for name in ["one", "two"] {
        webhook(&operator, name, &good.url("/"), &[id]).await;
    }
    let began = Instant::now();
    for n in 1..=3 {
        let sent = trigger(&operator, "a").await;
        let received = good.wait_for(2 * n, PATIENCE).await.unwrap();
        let mine = received.iter().filter(|one| one.header("hook-event-id") == sent).count();
        assert_eq!(mine, 2, "{received:?}");
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(14), "a request may hang for 15 s, and nobody waited for one: {took:?}");
    // All of the hanging ones were asked as well.
    crate::app::eventually("requests that hang", || async {
        if hanging.arrived() >= HANGING { Ok(()) } else { Err(format!("{} arrived", hanging.arrived())) }
    })
    .await;
}

#[tokio::test]
async fn an_idempotency_key_triggers_once() {
    let (_server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let id = event(&operator, "a").await;
    event(&operator, "b").await;
    webhook(&operator, "w", &receiver.url("/"), &[id]).await;
    let key = "idempotency-key: k1\r\n";
    let first = operator.post_with("/trigger/a", key, json!({ "n": 1 })).await.expect(202);
    let again = operator.post_with("/trigger/a", key, json!({ "n": 1 })).await.expect(202);
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&first.text, "true"));
    operator.post_with("/trigger/a", key, json!({ "n": 2 })).await.expect(422);
    operator.post_with("/trigger/b", key, json!({ "n": 1 })).await.expect(422);
    // A refusal isn't remembered.
    let other = "idempotency-key: k2\r\n";
    operator.post_with("/trigger/no", other, json!({})).await.expect(404);
    operator.post_with("/trigger/a", other, json!({})).await.expect(202);
    let received = receiver.wait_for(2, PATIENCE).await.unwrap();
    assert!(received.iter().any(|one| one.json()["n"] == 1), "{received:?}");
    assert_eq!(operator.get("/events/").await.expect(200).json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_webhook_gets_every_event_of_its_names_and_a_trigger_reaches_every_subscription() {
    let (_server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let id = event(&operator, "order.paid").await;
    webhook(&operator, "w", &receiver.url("/webhook"), &[id]).await;
    operator.subscribe("order.*", &receiver.url("/hooks")).await;
    let triggered = trigger(&operator, "order.paid").await;
    operator.deliveries(&triggered, are(2, "delivered", 1)).await;
    let published = operator.publish(json!({ "event": "order.paid", "data": 7 })).await;
    operator.deliveries(&published, are(2, "delivered", 1)).await;
    let received = receiver.wait_for(4, PATIENCE).await.unwrap();
    let enveloped = received.iter().filter(|one| one.header("hook-event-id") == published);
    assert!(enveloped.clone().count() == 2 && enveloped.clone().all(|one| one.json()["data"] == 7), "{received:?}");
}
