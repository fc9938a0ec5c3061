//! CE7: subscriptions that get events as CloudEvents.

use serde_json::{Value, json};
use thorn::{WebhookSecrets, timestamp::Timestamp};
use thorn_core::testing::{Received, Receiver, Reply};

use super::{STRUCTURED, binary, post};
use crate::{
    app::PATIENCE,
    engine::server::{Caller, Server},
};

const URL: (&str, &str) = ("THORN_BASE_URL", "http://127.0.0.1:9/thorn/");

/// A receiver that wants CloudEvents, with a subscription of this dialect. Returns its secret.
pub(super) async fn subscribed(operator: &Caller, dialect: &str) -> (Receiver, String) {
    let receiver = Receiver::start().await.unwrap();
    receiver.reply(Reply::status(200).header("webhook-allowed-origin", "*"));
    let body = json!({ "event": "**", "url": receiver.url("/"), "dialect": dialect });
    let made = operator.post("/hooks/", body).await.expect(201).json();
    assert_eq!(made["dialect"], dialect);
    receiver.forget();
    (receiver, made["hmac_secret"].as_str().unwrap().to_owned())
}

fn verify(received: &Received, secret: &str) {
    let headers = received.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    WebhookSecrets::new([secret]).unwrap().verify(&headers.collect(), &received.body, Timestamp::now()).unwrap();
}

#[tokio::test]
async fn ce7_an_event_of_thorn_s_is_a_cloud_event_in_either_mode_and_signed() {
    let (_server, operator) = Server::with(&[URL]).await;
    let (structured, its_secret) = subscribed(&operator, "cloudevents").await;
    let (binary, binary_secret) = subscribed(&operator, "cloudevents-binary").await;
    let event = json!({ "event": "user.née", "data": { "é": 1.5 }, "ref": "/users/7", "sender": "Zoë" });
    let id = operator.publish(event).await;

    let received = &structured.wait_for(1, PATIENCE).await.unwrap()[0];
    verify(received, &its_secret);
    assert_eq!(received.header("content-type"), "application/cloudevents+json");
    let mut given = received.json();
    let time = given.as_object_mut().unwrap().remove("time").unwrap();
    time.as_str().unwrap().parse::<Timestamp>().unwrap();
    let expected = json!({
        "specversion": "1.0", "id": id, "source": "http://127.0.0.1:9/thorn", "type": "user.née",
        "subject": "http://127.0.0.1:9/thorn/users/7", "sender": "Zoë",
        "datacontenttype": "application/json", "data": { "é": 1.5 },
    });
    assert_eq!(given, expected);

    let received = &binary.wait_for(1, PATIENCE).await.unwrap()[0];
    verify(received, &binary_secret);
    assert_eq!(String::from_utf8_lossy(&received.body), r#"{"é":1.5}"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", id.as_str()),
        ("ce-source", "http://127.0.0.1:9/thorn"),
        ("ce-type", "user.n%C3%A9e"),
        ("ce-subject", "http://127.0.0.1:9/thorn/users/7"),
        ("ce-sender", "Zo%C3%AB"),
        ("ce-time", time.as_str().unwrap()),
        ("hook-body", "raw"),
    ] {
        assert_eq!(received.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn ce7_a_receiver_without_the_secret_learns_that_thorn_sent_a_cloud_event() {
    let (server, operator) = Server::with(&[URL]).await;
    let (structured, _) = subscribed(&operator, "cloudevents").await;
    let (binary_mode, _) = subscribed(&operator, "cloudevents-binary").await;
    operator.publish(json!({ "event": "a.b", "data": { "é": [1] }, "ref": "/x", "sender": "Zoë" })).await;
    post(&operator, &format!("content-type: a/b\r\n{}", binary("1", "/s", "a.b")), b"\0x").await.expect(201);
    let verdict = async |received: &Received, body: &[u8]| {
        let kept = ["webhook-id", "webhook-timestamp", "webhook-signature", "hook-event-id", "hook-subscription"];
        let headers: String = kept.iter().map(|name| format!("{name}: {}\r\n", received.header(name))).collect();
        crate::blog::http::request(server.port, "POST", "/hooks/verify/", &headers, body).await.expect(200).text
    };
    for receiver in [&structured, &binary_mode] {
        for received in receiver.wait_for(2, PATIENCE).await.unwrap() {
            assert_eq!(verdict(&received, &received.body).await, "VERIFIED", "{received:?}");
            assert_eq!(verdict(&received, &[&received.body[..], b" "].concat()).await, "INVALID");
        }
    }
}

#[tokio::test]
async fn ce5_ce7_a_cloud_event_that_came_in_leaves_with_all_its_attributes() {
    let (_server, operator) = Server::with(&[URL]).await;
    let (structured, _) = subscribed(&operator, "cloudevents").await;
    let (binary_mode, _) = subscribed(&operator, "cloudevents-binary").await;
    let given = json!({
        "specversion": "1.0", "id": "A-1", "source": "urn:x", "type": "a.b", "subject": "/s é", "time": "2022-04-07T21:39:13.5+02:00",
        "dataschema": "https://s.example/1", "datacontenttype": "application/json", "extra": "é", "count": 7, "flag": true,
        "data": { "a": [1] },
    });
    post(&operator, STRUCTURED, given.to_string().as_bytes()).await.expect(201);
    assert_eq!(structured.wait_for(1, PATIENCE).await.unwrap()[0].json(), given);
    let received = &binary_mode.wait_for(1, PATIENCE).await.unwrap()[0];
    for (name, value) in [
        ("ce-id", "A-1"),
        ("ce-source", "urn:x"),
        ("ce-subject", "/s%20%C3%A9"),
        ("ce-time", "2022-04-07T21:39:13.5+02:00"),
        ("ce-dataschema", "https://s.example/1"),
        ("ce-extra", "%C3%A9"),
        ("ce-count", "7"),
        ("ce-flag", "true"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(received.header(name), value, "{name}");
    }
    assert_eq!(received.body, br#"{"a":[1]}"#);
}

#[tokio::test]
async fn ce7_raw_bytes_are_base64_in_json_and_themselves_in_binary_mode() {
    let (_server, operator) = Server::start().await;
    let (structured, secret) = subscribed(&operator, "cloudevents").await;
    let (binary_mode, _) = subscribed(&operator, "cloudevents-binary").await;
    let headers = format!("content-type: image/png\r\n{}", binary("1", "/s", "a.png"));
    post(&operator, &headers, b"\0png").await.expect(201);
    let received = &structured.wait_for(1, PATIENCE).await.unwrap()[0];
    verify(received, &secret);
    let given = received.json();
    assert_eq!((&given["data_base64"], &given["datacontenttype"]), (&json!("AHBuZw=="), &json!("image/png")));
    assert_eq!(given["data"], Value::Null);
    let received = &binary_mode.wait_for(1, PATIENCE).await.unwrap()[0];
    assert_eq!((&received.body[..], received.header("content-type")), (&b"\0png"[..], "image/png"));

    // A raw event of a dispatch isn't one of the CloudEvents that came in.
    let headers = format!("{}content-type: text/plain\r\n", operator.authorization());
    let id = crate::blog::http::request(operator.port(), "POST", "/dispatch?_topic=a.text", &headers, b"hi").await;
    assert_eq!(id.status, 202, "{id:?}");
    let received = &binary_mode.wait_for(2, PATIENCE).await.unwrap()[1];
    assert_eq!((&received.body[..], received.header("ce-type")), (&b"hi"[..], "a.text"));
    assert_eq!(structured.wait_for(2, PATIENCE).await.unwrap()[1].json()["data_base64"], "aGk=");
}

#[tokio::test]
async fn ce7_a_retry_is_the_same_event_and_a_changed_dialect_counts_at_once() {
    let (_server, operator) = Server::with(&[("THORN_RETRY_DELAY", "1")]).await;
    let receiver = Receiver::start().await.unwrap();
    let id = operator.subscribe("a.b", &receiver.url("/")).await;
    receiver.reply(Reply::status(200).header("webhook-allowed-origin", "*"));
    let headers = format!("content-type: application/json\r\n{}", operator.authorization());
    let patch = br#"{"dialect":"cloudevents"}"#;
    crate::blog::http::request(operator.port(), "PATCH", &format!("/hooks/{id}/"), &headers, patch).await.expect(200);
    receiver.forget();
    receiver.reply(Reply::status(503));
    let event = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    receiver.wait_for(1, PATIENCE).await.unwrap();
    receiver.reply(Reply::status(200));
    let received = receiver.wait_for(2, PATIENCE).await.unwrap();
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(received[0].json()["id"], json!(event));
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
}
