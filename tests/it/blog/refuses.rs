//! Requests that the blog refuses: invalid articles and unknown users.

use serde_json::{Value, json};

use super::{Blog, LOOPBACK, http, text};

const ALICE: &str = "authorization: Bearer alice\r\n";
const JSON: &str = "content-type: application/json\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_article_is_a_clear_4xx_and_leaves_neither_article_nor_event() {
    let blog = Blog::start(&[LOOPBACK]).await;
    let alice = format!("{ALICE}{JSON}");
    let good = br#"{"title": "t", "body": "b"}"#.as_slice();
    for (headers, body, status, says) in [
        (&*alice, b"".as_slice(), 400, "EOF"),
        (&alice, b"{", 400, "JSON"),
        (&alice, b"title=t&body=b", 400, "JSON"),
        (&alice, b"{\"title\": \"\xff\", \"body\": \"b\"}", 400, "unicode"),
        (&alice, b"null", 422, "invalid type: null"),
        (&alice, br#"{"title": "t"}"#, 422, "missing field `body`"),
        (&alice, br#"{"body": "b"}"#, 422, "missing field `title`"),
        (&alice, br#"{"title": 1, "body": "b"}"#, 422, "title: invalid type: integer `1`"),
        (&alice, br#"{"title": "t", "body": "b", "state": "HIDDEN"}"#, 422, "`DRAFT` or `PUBLISHED`"),
        (ALICE, good, 415, "application/json"),
        (JSON, good, 401, "credentials"),
        ("authorization: Bearer eve\r\ncontent-type: application/json\r\n", good, 401, "credentials"),
        ("authorization: Bearer ALICE\r\ncontent-type: application/json\r\n", good, 401, "credentials"),
        ("authorization: Basic alice\r\ncontent-type: application/json\r\n", good, 401, "credentials"),
    ] {
        let answer = http::request(blog.port, "POST", "/articles/", headers, body).await;
        let what = String::from_utf8_lossy(body);
        assert_eq!(answer.status, status, "{headers}{what}: {answer:?}");
        assert!(answer.text.contains(says), "{headers}{what}: {answer:?}");
        assert_eq!(answer.header("www-authenticate"), if status == 401 { "Bearer realm=\"blog\"" } else { "" });
    }
    assert_eq!(blog.events().await, [""; 0]);
    // The next one is the first.
    assert_eq!(blog.write("alice", "good").await["id"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_413_and_an_event_that_is_too_large_leaves_no_article() {
    let blog = Blog::start(&[LOOPBACK, ("THORN_MAX_EVENT_BYTES", "2000"), ("RUST_LOG", "off")]).await;
    let article = |size| json!({"title": "t", "body": "x".repeat(size)});
    blog.send("alice", "POST", "/articles/", &article(3 << 20)).await.expect(413);
    let problem = blog.send("alice", "POST", "/articles/", &article(2000)).await.expect(413).json();
    assert!(text(&problem["detail"]).contains("the limit is 2000"), "{problem}");
    blog.send("alice", "GET", "/articles/1/", &Value::Null).await.expect(404);
    assert_eq!(blog.events().await, [""; 0]);
    blog.send("alice", "POST", "/articles/", &article(1000)).await.expect(201);
    assert_eq!(blog.events().await, ["article.created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_make_no_sense_are_told_before_anything_starts() {
    for (name, value) in [("PORT", "many"), ("THORN_EVENT_TIMEOUT", "soon"), ("THORN_ALLOW_NETWORKS", "10.0.0.0/99")] {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/blog.db", directory.path().display());
        let mut command = std::process::Command::new(super::example("blog"));
        let ended = command.env("DATABASE_URL", url).env("PORT", "0").env(name, value).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(name) && said.contains(value), "{said}");
    }
}
