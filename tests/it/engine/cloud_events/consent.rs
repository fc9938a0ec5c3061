//! CE8: no endpoint gets CloudEvents that hasn't said that it wants them.

use std::pin::pin;

use futures::future::join_all;
use serde_json::{Value, json};
use thorn_core::testing::{Receiver, Reply};

use super::{STRUCTURED, post, structured};
use crate::{app::PATIENCE, blog::http, engine::server::Server};

const URL: (&str, &str) = ("THORN_BASE_URL", "https://hooks.example/thorn");

#[tokio::test]
async fn ce8_without_consent_there_is_no_subscription_and_with_it_the_allowed_rate() {
    let (_server, operator) = Server::with(&[URL]).await;
    let receiver = Receiver::start().await.unwrap();
    let body = json!({ "event": "a.b", "url": receiver.url("/x"), "dialect": "cloudevents" });
    for refusal in [
        Reply::status(405),
        Reply::status(200),
        Reply::status(200).header("webhook-allowed-origin", "other.example"),
        Reply::status(302).header("location", &receiver.url("/y")).header("webhook-allowed-origin", "*"),
        Reply::status(200).header("webhook-allowed-origin", "*").header("webhook-allowed-rate", "some"),
    ] {
        receiver.forget();
        receiver.reply(refusal);
        let refused = operator.post("/hooks/", body.clone()).await.expect(400).json();
        assert!(refused["errors"]["url"][0].as_str().unwrap().contains("doesn't consent"), "{refused}");
        let asked = receiver.received();
        assert_eq!((asked.len(), asked[0].header("webhook-request-origin")), (1, "hooks.example"));
    }
    assert_eq!(operator.get("/hooks/").await.expect(200).json(), json!([]));

    receiver.reply(
        Reply::status(200).header("webhook-allowed-origin", "hooks.example").header("webhook-allowed-rate", "120"),
    );
    let made = operator.post("/hooks/", body.clone()).await.expect(201).json();
    assert_eq!(made["rate"], "120/m");
    let slower = json!({ "event": "b.c", "url": receiver.url("/x"), "dialect": "cloudevents", "rate": "10/m" });
    receiver.forget();
    assert_eq!(operator.post("/hooks/", slower).await.expect(201).json()["rate"], "10/m");
    assert_eq!(receiver.received()[0].header("webhook-request-rate"), "10");
}

#[tokio::test]
async fn ce8_a_change_asks_again_if_it_makes_another_endpoint_or_rate_of_it() {
    let (_server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let id = operator.subscribe("a.b", &receiver.url("/")).await;
    assert_eq!(receiver.arrived(), 0, "thorn's own deliveries need no consent");
    let headers = format!("content-type: application/json\r\n{}", operator.authorization());
    let path = format!("/hooks/{id}/");
    let patch = async |body: Value| {
        receiver.forget();
        let answer = http::request(operator.port(), "PATCH", &path, &headers, body.to_string().as_bytes()).await;
        (answer.status, receiver.arrived())
    };
    receiver.reply(Reply::status(404));
    assert_eq!(patch(json!({ "dialect": "cloudevents" })).await, (400, 1));
    assert_eq!(operator.get(&path).await.json()["dialect"], "thorn");
    receiver.reply(Reply::status(200).header("webhook-allowed-origin", "*").header("webhook-allowed-rate", "60"));
    assert_eq!(patch(json!({ "dialect": "cloudevents" })).await, (200, 1));
    assert_eq!(patch(json!({ "event": "a.c", "dialect": "cloudevents-binary", "rate": "60/m" })).await, (200, 0));
    assert_eq!(patch(json!({ "url": receiver.url("/other") })).await, (200, 1));
    assert_eq!(patch(json!({ "rate": "100/s" })).await, (200, 1));
    assert_eq!(operator.get(&path).await.json()["rate"], "60/m", "the rate can't be raised over what is allowed");
    receiver.reply(Reply::status(404));
    assert_eq!(patch(json!({ "url": receiver.url("/third") })).await, (400, 1));
    assert_eq!(patch(json!({ "dialect": "thorn", "url": receiver.url("/third") })).await, (200, 0));
    for wrong in ["websub", "x", ""] {
        assert_eq!(patch(json!({ "dialect": wrong })).await, (400, 0), "{wrong}");
    }
    assert_eq!(patch(json!({ "dialect": null })).await, (400, 0));
}

#[tokio::test]
async fn ce8_the_server_never_asks_where_deliveries_may_not_go() {
    let receiver = Receiver::start().await.unwrap();
    let (_server, operator) = Server::with(&[("THORN_ALLOW_NETWORKS", "")]).await;
    let body = json!({ "event": "a.b", "url": receiver.url("/"), "dialect": "cloudevents" });
    operator.post("/hooks/", body).await.expect(400);
    assert_eq!(receiver.arrived(), 0);
}

#[tokio::test]
async fn ce8_the_server_consents_to_a_sender_that_asks_and_pages_still_get_their_own_answer() {
    let (server, operator) = Server::with(&[("THORN_CORS_ORIGINS", "https://app.example")]).await;
    for path in ["/events/", "/events"] {
        let ask = "webhook-request-origin: sender.example\r\nwebhook-request-rate: 120\r\n";
        let answer = http::request(server.port, "OPTIONS", path, ask, b"").await.expect(200);
        assert_eq!(answer.header("webhook-allowed-origin"), "sender.example");
        assert_eq!(answer.header("webhook-allowed-rate"), "*");
        assert!(answer.header("allow").contains("POST"), "{answer:?}");
    }
    let twice = "webhook-request-origin: a\r\nwebhook-request-origin: b\r\n";
    http::request(server.port, "OPTIONS", "/events/", twice, b"").await.expect(400);
    let ask = "origin: https://app.example\r\naccess-control-request-method: POST\r\n";
    let answer = http::request(server.port, "OPTIONS", "/events/", ask, b"").await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(answer.header("webhook-allowed-origin"), "");
    post(&operator, STRUCTURED, structured("1", "/s", "a.b").to_string().as_bytes()).await.expect(201);
}

#[tokio::test]
async fn ce8_questions_that_hang_delay_nobody_else_s_at_the_same_host() {
    let (server, _operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let body = |path: &str| json!({ "event": "a.b", "url": receiver.url(path), "dialect": "cloudevents" });
    let [alice, bob] = ["alice", "bob"].map(|owner| server.key(Some(owner), "hooks"));
    let allowed = Reply::status(200).header("webhook-allowed-origin", "*");
    receiver.reply(allowed.clone().delay(PATIENCE * 2));
    let paths = ["/0", "/1", "/2", "/3"];
    let mut hers = pin!(join_all(paths.map(|path| alice.post("/hooks/", body(path)))));
    tokio::select! {
        answers = &mut hers => panic!("nobody has consented: {answers:?}"),
        asked = receiver.wait_for(paths.len(), PATIENCE) => drop(asked.unwrap()),
    }
    receiver.reply(allowed);
    let both = async {
        let his = bob.post("/hooks/", body("/bob")).await.expect(201);
        (his, alice.post("/hooks/", body("/4")).await)
    };
    tokio::select! {
        answers = &mut hers => panic!("bob waited for alice's endpoints: {answers:?}"),
        (_, fifth) = both => drop(fifth.expect(503)),
    }
}
