//! The forms of a stream: server-sent events and lines of JSON.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thorn::Event;

use super::{Server, id_of, stays_silent};

#[tokio::test(flavor = "multi_thread")]
async fn st2_br15_server_sent_events_begin_at_once_and_have_an_id_and_one_line_of_data() {
    let server = Server::new().await;
    let began = Instant::now();
    let mut stream = server.sse("topic=order.**").await;
    // The first heartbeat comes after 15 s.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(stream.status, 200);
    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert_eq!(stream.header("cache-control"), "no-store, no-transform");
    assert_eq!(stream.header("x-accel-buffering"), "no");
    assert_eq!(stream.header("content-encoding"), "");
    assert_eq!(stream.line().await.unwrap(), ":");
    let retry = stream.line().await.unwrap();
    let retry: u32 = retry.strip_prefix("retry: ").unwrap().parse().unwrap();
    assert!((1_000..=3_000).contains(&retry), "{retry}");

    let sent = Event::new("order.paid").sender("alice").reference("/orders/1").request_data(json!({ "trace": "t" }));
    let sent = sent.send(server.app.db(), &json!({ "total": 9 })).await.unwrap();
    let block = stream.event().await.unwrap();
    assert_eq!(block.event, None, "`onmessage` gets it");
    let record: Value = serde_json::from_str(&block.data).unwrap();
    assert_eq!(record["cursor"].as_str(), block.id.as_deref());
    assert_eq!(record["id"], sent.to_string());
    assert_eq!(record["event"], "order.paid");
    assert_eq!(record["sender"], "alice");
    assert_eq!(record["ref"], "/orders/1");
    assert_eq!(record["data"], json!({ "total": 9 }));
    assert_eq!(record["extra"], json!({ "trace": "t" }));
    assert!(record["time"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test(flavor = "multi_thread")]
async fn st2_named_events_go_to_their_listeners() {
    let server = Server::new().await;
    let mut stream = server.sse("topic=*&named=1").await;
    server.send("order.paid", &json!(1)).await;
    assert_eq!(stream.event().await.unwrap().event.as_deref(), Some("order.paid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn st7_lines_of_json_may_have_their_length_before_them_and_begin_with_the_latest() {
    let server = Server::new().await;
    let ids = server.app.send_many(5).await;
    server.send("other", &json!(1)).await;
    server.numbered(6).await;
    for accept in ["application/x-ndjson", "*/*"] {
        let mut lines = server.stream("root", "topic=a.*&count=2").header("accept", accept).open().await;
        assert_eq!(lines.header("content-type"), "application/x-ndjson");
        assert_eq!([id_of(&lines.json().await), id_of(&lines.json().await)], [ids[3], ids[4]], "the latest two");
    }
    let mut delimited = server.stream("root", "topic=a.*&count=9&delimited=length").open().await;
    for id in &ids {
        let length: usize = delimited.line().await.unwrap().parse().unwrap();
        let line = delimited.line().await.unwrap();
        assert_eq!(length, line.len() + 1);
        assert_eq!(id_of(&serde_json::from_str(&line).unwrap()), *id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn st1_topics_are_required_and_checked_and_any_of_several_suffices() {
    let server = Server::new().await;
    for (query, field) in [
        ("", "topic"),
        ("topic=", "topic"),
        ("topic=a..b", "topic"),
        ("topic=*&filter=%7B", "filter"),
        ("topic=*&after=yesterday", "after"),
    ] {
        for accept in ["text/event-stream", "application/json", "*/*"] {
            let answer = server.stream("root", query).header("accept", accept).answer().await;
            assert_eq!(answer.status, 400, "{query}: {answer:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert!(answer.json()["errors"][field].is_array(), "{query}: {answer:?}");
        }
    }
    let answer = server.stream("root", "topic=*").method("POST").answer().await;
    assert_eq!((answer.status, answer.header("allow").contains("GET")), (405, true), "{answer:?}");
    let mut stream = server.sse("topic=a.b&topic=a.*&topic=c&filter=%7B%22n%22:%7B%22gt%22:1%7D%7D").await;
    for (name, n) in [("a.b", 1), ("a.b", 2), ("d", 3), ("c", 4)] {
        server.send(name, &json!({ "n": n })).await;
    }
    assert_eq!(stream.record().await["data"]["n"], 2);
    assert_eq!(stream.record().await["data"]["n"], 4);
    stays_silent(&mut stream, Duration::from_millis(200)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn st14_head_answers_like_get_without_a_body() {
    let server = Server::new().await;
    for (accept, media_type) in [
        ("text/event-stream", "text/event-stream"),
        ("*/*", "application/x-ndjson"),
        ("application/json", "application/json"),
    ] {
        let request = server.stream("root", "topic=*&wait=60&after=now").method("HEAD").header("accept", accept);
        let request = if accept == "*/*" {
            server.stream("root", "topic=*").method("HEAD").header("accept", accept)
        } else {
            request
        };
        let answer = request.answer().await;
        assert_eq!((answer.status, answer.header("content-type")), (200, media_type));
        assert!(!answer.header("thorn-cursor").is_empty());
    }
}
