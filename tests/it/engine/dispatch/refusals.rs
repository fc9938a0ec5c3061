//! Dispatches that are refused: nothing is written, and nothing is sent.

use serde_json::json;

use super::{FORM, encoded, post, receiver};
use crate::{
    blog::http,
    engine::server::{Caller, Server},
};

async fn nothing_was_written(operator: &Caller) {
    assert_eq!(operator.get("/events/").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn di6_di7_without_a_destination_it_is_400_in_hookah_s_words() {
    let (_server, operator) = Server::start().await;
    for (path, headers, body) in [
        ("/dispatch", FORM, "a=1"),
        ("/dispatch", FORM, ""),
        ("/dispatch?_url=&_topic=", FORM, "_url=&_topic="),
        ("/dispatch", "content-type: application/json\r\n", r#"{"_url":"http://127.0.0.1:1/"}"#),
    ] {
        let answer = post(&operator, path, headers, body.as_bytes()).await.expect(400);
        assert_eq!(
            (answer.text.as_str(), answer.header("content-type")),
            ("400 No destination URL", "text/plain; charset=utf-8")
        );
    }
    let headers = format!("{FORM}accept: application/json\r\n");
    let answer = post(&operator, "/dispatch", &headers, b"").await.expect(400);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["detail"], "No destination URL");
    nothing_was_written(&operator).await;
}

#[tokio::test]
async fn di9_di13_di14_di16_what_is_wrong_is_named() {
    let (_server, operator) = Server::start().await;
    let many: String = (0..17).map(|n| format!("_url=http%3A%2F%2F127.0.0.1%3A1%2F{n}&")).collect();
    let long = format!("_url=http%3A%2F%2Fx%2F{}", "a".repeat(2048));
    for (path, body, named) in [
        ("/dispatch", many.as_str(), "17 targets"),
        ("/dispatch", "_topic=a&_topic=a", "`_topic`"),
        ("/dispatch", "_topic=a..b", "`_topic` a..b"),
        ("/dispatch", "_topic=delivery.failed", "`_topic` delivery.failed"),
        ("/dispatch?_x=1", "_topic=a", "`_x`"),
        ("/dispatch?a=1", "_topic=a", "`a`"),
        ("/dispatch", "_url=%2Fa", "`_url` /a"),
        ("/dispatch", "_url=ftp%3A%2F%2Fx%2F", "`_url` ftp://x/"),
        ("/dispatch", "_url=http%3A%2F%2Fa%3Ab%40x%2F", "`_url` http://a:b@x/"),
        ("/dispatch", &long, "`_url` http://x/aaa"),
        (
            "/dispatch",
            "_url=http%3A%2F%2F127.0.0.1%3A1%2F&_url=http%3A%2F%2F169.254.169.254%2F",
            "`_url` http://169.254.169.254/",
        ),
        ("/dispatch", "_url=http%3A%2F%2F10.0.0.1%2F", "`_url` http://10.0.0.1/"),
        ("/dispatch", "_url=%ff", "`_url`"),
    ] {
        let answer = post(&operator, path, FORM, body.as_bytes()).await.expect(400);
        assert!(answer.text.starts_with("400 ") && answer.text.contains(named), "{body}: {}", answer.text);
    }
    let unknown = format!("{FORM}thorn-x: 1\r\nthorn-topic: a\r\n");
    let answer = post(&operator, "/dispatch", &unknown, b"").await.expect(400);
    assert!(answer.text.contains("`thorn-x`"), "{}", answer.text);
    let encoding = format!("{FORM}content-encoding: gzip\r\nthorn-topic: a\r\n");
    post(&operator, "/dispatch", &encoding, b"").await.expect(415);
    nothing_was_written(&operator).await;
}

#[tokio::test]
async fn di12_a_topic_of_the_hub_needs_its_scope_and_a_row() {
    let (server, operator) = Server::start().await;
    let topic = "_topic=https%3A%2F%2Fx.example%2Ffeed&entry=1";
    post(&server.key(None, "dispatch"), "/dispatch", FORM, topic.as_bytes()).await.expect(403);
    post(&server.key(None, "dispatch,hub.publish"), "/dispatch", FORM, topic.as_bytes()).await.expect(404);
    nothing_was_written(&operator).await;
}

#[tokio::test]
async fn di15_another_method_is_405() {
    let (server, operator) = Server::start().await;
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let answer = http::request(server.port, method, "/dispatch", &operator.authorization(), b"").await.expect(405);
        assert_eq!(answer.header("allow"), "POST");
    }
}

#[tokio::test]
async fn ac2_a_key_with_the_scope_is_needed_and_a_page_s_form_isnt_enough() {
    let (server, operator) = Server::start().await;
    let form = b"_topic=a.b&a=1";
    let answer = http::request(server.port, "POST", "/dispatch", FORM, form).await.expect(401);
    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
    post(&server.key(None, "publish,read"), "/dispatch", FORM, form).await.expect(403);
    let page = format!("{FORM}origin: https://evil.example\r\nsec-fetch-site: cross-site\r\n");
    post(&operator, "/dispatch", &page, form).await.expect(403);
    nothing_was_written(&operator).await;
}

#[tokio::test]
async fn di27_a_body_has_at_most_the_configured_bytes() {
    let (server, operator) = Server::with(&[("THORN_MAX_PAYLOAD_BYTES", "1000")]).await;
    let target = receiver().await;
    let path = format!("/dispatch?_url={}", encoded(&target.url("/")));
    let large = post(&operator, &path, "", &[b'x'; 1001]).await.expect(413);
    assert!(large.text.starts_with("413 ") && large.text.contains("1000"), "{}", large.text);
    let chunked = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n{}\r\n3e9\r\n{}\r\n0\r\n\r\n",
        operator.authorization(),
        "x".repeat(1001)
    );
    http::exchange(server.port, chunked.as_bytes()).await.expect(413);
    nothing_was_written(&operator).await;
    post(&operator, &path, "", &[b'x'; 1000]).await.expect(202);
    assert_eq!(super::first(&target).await.body, [b'x'; 1000]);
}

#[tokio::test]
async fn di28_a_bad_key_is_refused_before_the_body_is_asked_for() {
    let (server, _) = Server::start().await;
    let head = "POST /dispatch?_topic=a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 9\r\n\
                expect: 100-continue\r\nauthorization: Bearer thk_no\r\n\r\n";
    let answer = http::exchange(server.port, head.as_bytes()).await;
    assert!(answer.head.starts_with("HTTP/1.1 401"), "{answer:?}");
}
