//! The forms in which CloudEvents come in.

use serde_json::json;
use thorn_core::testing::Receiver;

use super::{BATCH, STRUCTURED, binary, events, id, post, structured};
use crate::{app::PATIENCE, engine::server::Server};

#[tokio::test]
async fn ce1_ce5_an_event_in_binary_mode_goes_on_byte_for_byte() {
    let (_server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    operator.subscribe("com.example.*", &receiver.url("/")).await;
    let body = b"\0 not JSON \xff";
    let headers = format!(
        "{}content-type: image/x-odd\r\nce-subject: Euro%20%E2%82%AC\r\nce-extra: 1\r\n",
        binary("1", "/sensors/7", "com.example.cooled")
    );
    let answer = post(&operator, &headers, body).await.expect(201);
    let event = id(&answer);
    assert_eq!(answer.header("location"), format!("http://127.0.0.1:{}/events/{event}", operator.port()));
    let shown = operator.get(&format!("/events/{event}")).await.expect(200).json();
    assert_eq!((&shown["event"], &shown["body"]), (&json!("com.example.cooled"), &json!(null)));

    let received = &receiver.wait_for(1, PATIENCE).await.unwrap()[0];
    assert_eq!(received.body, body);
    assert_eq!(received.header("content-type"), "image/x-odd");
    assert_eq!(received.header("hook-ref"), "Euro%20%E2%82%AC");
    assert_eq!(received.header("hook-event"), "com.example.cooled");
}

#[tokio::test]
async fn ce2_data_of_the_json_format_keeps_its_digits() {
    let (_server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    operator.subscribe("a.*", &receiver.url("/")).await;
    let given =
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"a.json","data":{"z":1.10,"a":12345678901234567890}}"#;
    post(&operator, STRUCTURED, given.as_bytes()).await.expect(201);
    let given =
        r#"{"specversion":"1.0","id":"2","source":"/s","type":"a.bytes","datacontenttype":"a/b","data_base64":"AGhp"}"#;
    post(&operator, STRUCTURED, given.as_bytes()).await.expect(201);
    let mut received = receiver.wait_for(2, PATIENCE).await.unwrap();
    received.sort_by_key(|one| one.header("hook-event").to_owned());
    let [bytes, json] = &received[..] else { panic!("{received:?}") };
    assert_eq!((&bytes.body[..], bytes.header("content-type")), (&b"\0hi"[..], "a/b"));
    assert_eq!(String::from_utf8_lossy(&json.body), r#"{"z":1.10,"a":12345678901234567890}"#);
    assert_eq!(json.header("content-type"), "application/json");
}

#[tokio::test]
async fn ce3_of_a_batch_all_events_are_taken_or_none() {
    let (_server, operator) = Server::start().await;
    let batch = |count: usize| (0..count).map(|n| structured(&n.to_string(), "/s", "a.b")).collect::<Vec<_>>();
    let send = async |batch: Vec<_>| post(&operator, BATCH, json!(batch).to_string().as_bytes()).await;

    let mut wrong = batch(3);
    wrong[1]["type"] = json!("a b");
    wrong[2].as_object_mut().unwrap().remove("source");
    let refused = send(wrong).await.expect(400).json();
    let named: Vec<_> = refused["errors"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(named, ["1.type", "2.source"]);
    send(batch(513)).await.expect(400);
    post(&operator, BATCH, b"{}").await.expect(400);
    assert_eq!(events(&operator).await, 0);

    let answer = send(batch(512)).await.expect(201).json();
    assert_eq!(answer["ids"].as_array().unwrap().len(), 512);
    assert_eq!(events(&operator).await, 512);
    assert_eq!(send(batch(512)).await.expect(200).json(), answer);
    assert_eq!(send(Vec::new()).await.expect(200).json(), json!({ "ids": [] }));
}

#[tokio::test]
async fn ce4_ce5_an_attribute_that_is_missing_or_wrong_is_named_and_nothing_is_stored() {
    let (server, operator) = Server::start().await;
    let good = binary("1", "/s", "a.b");
    for attribute in ["specversion", "id", "source", "type"] {
        let left: Vec<_> = good.lines().filter(|line| !line.starts_with(&format!("ce-{attribute}"))).collect();
        let refused = post(&operator, &(left.join("\r\n") + "\r\n"), b"x").await.expect(400).json();
        assert_eq!(refused["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [attribute]);
        let mut given = structured("1", "/s", "a.b");
        given.as_object_mut().unwrap().remove(attribute);
        let refused = post(&operator, STRUCTURED, given.to_string().as_bytes()).await.expect(400).json();
        assert_eq!(refused["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [attribute]);
    }
    for (attribute, value) in [
        ("specversion", "0.3"),
        ("type", "a..b"),
        ("type", "*"),
        ("type", "delivery.failed"),
        ("time", "now"),
        ("id", ""),
    ] {
        let mut given = structured("1", "/s", "a.b");
        given[attribute] = json!(value);
        let refused = post(&operator, STRUCTURED, given.to_string().as_bytes()).await.expect(400).json();
        assert_eq!(refused["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [attribute], "{value}");
    }
    for media_type in [format!("a/{}", "x".repeat(254)), "text".into(), "a/b/c".into()] {
        let headers = format!("{good}content-type: {media_type}\r\n");
        let refused = post(&operator, &headers, b"x").await.expect(400).json();
        assert!(refused["errors"]["datacontenttype"].is_array(), "{refused}");
    }
    post(&operator, "content-type: application/cloudevents+avro\r\n", b"x").await.expect(415);
    post(&server.key(None, "read"), &good, b"x").await.expect(403);
    assert_eq!(events(&operator).await, 0);
}
