//! Bounds on requests, and methods.

use std::time::Instant;

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::server::Server;
use crate::blog::http;

#[tokio::test]
async fn a_head_has_at_most_64_kib_and_10_seconds() {
    let (server, operator) = Server::start().await;
    let long = |bytes: usize| format!("{}x: {}\r\n", operator.authorization(), "x".repeat(bytes));
    http::request(server.port, "GET", "/events/", &long(60 * 1024), b"").await.expect(200);
    http::request(server.port, "GET", "/events/", &long(65 * 1024), b"").await.expect(431);

    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: loc").await.unwrap();
    let began = Instant::now();
    let mut end = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut slow, &mut end).await;
    assert!((8..20).contains(&began.elapsed().as_secs()), "closed after {:?}", began.elapsed());
    server.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_body_has_at_most_the_configured_bytes_whatever_it_says_before() {
    let (server, operator) =
        Server::with(&[("THORN_MAX_PAYLOAD_BYTES", "1000"), ("THORN_MAX_EVENT_BYTES", "900")]).await;
    let with = |length: usize| json!({ "event": "a.b", "data": "x".repeat(length - 25) });
    assert_eq!(with(1000).to_string().len(), 1000);
    let answer = operator.post("/events/", with(1000)).await.expect(413);
    assert!(answer.text.contains("limit is 900"), "{answer:?}");
    operator.post("/events/", with(850)).await.expect(201);
    operator.post("/events/", with(1001)).await.expect(413);
    let chunked = format!(
        "POST /events/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n{}\r\n3e9\r\n{}\r\n0\r\n\r\n",
        operator.authorization(),
        with(1001)
    );
    http::exchange(server.port, chunked.as_bytes()).await.expect(413);
    assert_eq!(operator.get("/events/").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_bad_key_is_refused_before_the_body_is_asked_for() {
    let (server, operator) = Server::start().await;
    let ask = async |authorization: &str| {
        let head = format!(
            "POST /events/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: 26\r\nexpect: 100-continue\r\n{authorization}\r\n"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    let refused = http::answer(ask("authorization: Bearer thk_no\r\n").await).await;
    assert!(refused.head.starts_with("HTTP/1.1 401"), "{refused:?}");
    let mut asked = ask(&operator.authorization()).await;
    let mut first = [0; 25];
    tokio::io::AsyncReadExt::read_exact(&mut asked, &mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    asked.write_all(br#"{"event":"a.b","data":100}"#).await.unwrap();
    http::answer(asked).await.expect(201);
}

#[tokio::test]
async fn another_method_is_405_with_those_that_are_allowed() {
    let (server, operator) = Server::start().await;
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    for (method, path, allowed) in [
        ("DELETE", "/events/".to_owned(), "GET,HEAD,POST,OPTIONS"),
        ("POST", format!("/events/{id}"), "GET,HEAD"),
        ("GET", format!("/events/{id}/resend"), "POST"),
        ("POST", "/healthz".to_owned(), "GET,HEAD"),
    ] {
        let answer = http::request(server.port, method, &path, &operator.authorization(), b"").await.expect(405);
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
    for nothing in ["/", "/nothing", "/events/no-id", "/events/%7B%7D", "/events//x"] {
        let answer = operator.get(nothing).await.expect(404);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{nothing}");
    }
}
