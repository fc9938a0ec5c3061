//! `/keys/`: API keys over HTTP.

use serde_json::{Value, json};

use super::{
    server::{Caller, Server},
    streams::Lines,
};
use crate::blog::http;

/// Makes a key. Returns its JSON and its holder.
async fn make(server: &Server, by: &Caller, body: Value) -> (Value, Caller) {
    let made = by.post("/keys/", body).await.expect(201).json();
    let holder = server.caller(made["key"].as_str().unwrap());
    (made, holder)
}

async fn delete(by: &Caller, id: &Value) -> http::Answer {
    let path = format!("/keys/{}", id.as_str().unwrap());
    http::request(by.port(), "DELETE", &path, &by.authorization(), b"").await
}

#[tokio::test]
async fn a_key_is_made_shown_once_listed_and_revoked() {
    let (server, operator) = Server::start().await;
    let body = json!({ "scopes": ["publish", "read"], "owner": "alice", "label": "the shop" });
    let answer = operator.post("/keys/", body).await.expect(201);
    let made = answer.json();
    let token = made["key"].as_str().unwrap().to_owned();
    assert!(token.starts_with("thk_") && token.len() == 47, "{token}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let path = format!("/keys/{}", made["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), format!("http://127.0.0.1:{}{path}", server.port));
    assert_eq!(
        (&made["owner"], &made["scopes"], &made["label"], &made["expires_at"], &made["revoked_at"]),
        (&json!("alice"), &json!(["publish", "read"]), &json!("the shop"), &Value::Null, &Value::Null)
    );
    let alice = server.caller(token.as_str());
    alice.publish(json!({ "event": "a.b", "data": 1 })).await;
    assert_eq!(alice.get("/events/").await.expect(200).json()[0]["sender"], "alice");

    let shown = operator.get(&path).await.expect(200);
    let listed = operator.get("/keys/?limit=1").await.expect(200);
    assert_eq!(listed.json()[0]["id"], made["id"], "the newest comes first");
    assert!(listed.header("link").contains("rel=\"next\""), "{listed:?}");
    for secretless in [&shown, &listed] {
        assert!(!secretless.text.contains("thk_") && !secretless.text.contains("hash"), "{secretless:?}");
    }
    for _ in 0..2 {
        delete(&operator, &made["id"]).await.expect(204);
    }
    alice.get("/events/").await.expect(401);
    assert!(operator.get(&path).await.expect(200).json()["revoked_at"].is_string());
    assert!(!server.said().concat().contains(&token), "no token in the log");
}

#[tokio::test]
async fn only_the_scope_admin_manages_keys_and_an_owner_only_their_own() {
    let (server, operator) = Server::start().await;
    let everything_else = "dispatch,dispatch.response,publish,hub.publish,stream,hooks,read,resend";
    let other = server.key(None, everything_else);
    let first = operator.get("/keys/").await.expect(200).json()[1]["id"].clone();
    for answer in [
        other.get("/keys/").await,
        other.get(&format!("/keys/{}", first.as_str().unwrap())).await,
        other.post("/keys/", json!({ "scopes": ["read"] })).await,
        delete(&other, &first).await,
    ] {
        assert!(answer.status == 403 && answer.header("www-authenticate").contains("scope=\"admin\""), "{answer:?}");
    }

    let alice = server.key(Some("alice"), "admin,read");
    let (made, holder) = make(&server, &alice, json!({ "scopes": "read" })).await;
    assert_eq!(made["owner"], "alice");
    holder.get("/events/").await.expect(200);
    for refused in [
        json!({ "scopes": ["read"], "owner": "bob" }),
        json!({ "scopes": ["publish"] }),
        json!({ "scopes": ["read", "dispatch.response"] }),
    ] {
        alice.post("/keys/", refused.clone()).await.expect(403);
    }
    let owners: Vec<_> = alice.get("/keys/").await.expect(200).json().as_array().unwrap().clone();
    assert!(owners.len() == 2 && owners.iter().all(|key| key["owner"] == "alice"), "{owners:?}");
    alice.get(&format!("/keys/{}", first.as_str().unwrap())).await.expect(404);
    delete(&alice, &first).await.expect(404);
    operator.get("/keys/").await.expect(200);
    delete(&alice, &made["id"]).await.expect(204);
    holder.get("/events/").await.expect(401);
}

#[tokio::test]
async fn a_body_that_is_no_key_is_refused_and_makes_none() {
    let (_server, operator) = Server::start().await;
    for (body, field) in [
        (json!({}), "scopes"),
        (json!({ "scopes": [] }), "scopes"),
        (json!({ "scopes": ["write"] }), "scopes"),
        (json!({ "scopes": ["read"], "owner": 7 }), "owner"),
        (json!({ "scopes": ["read"], "expires_at": "soon" }), "expires_at"),
        (json!({ "scopes": ["read"], "key": "thk_mine" }), "key"),
    ] {
        let problem = operator.post("/keys/", body.clone()).await.expect(400).json();
        assert!(problem["errors"][field].is_array(), "{body}: {problem}");
    }
    for body in [
        json!({ "scopes": ["read"], "owner": "" }),
        json!({ "scopes": ["read"], "owner": "a\u{0}" }),
        json!({ "scopes": ["read"], "label": "\u{1b}[2J" }),
        json!({ "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z" }),
    ] {
        operator.post("/keys/", body).await.expect(400);
    }
    let form = format!("{}content-type: application/x-www-form-urlencoded\r\n", operator.authorization());
    http::request(operator.port(), "POST", "/keys/", &form, b"scopes=admin").await.expect(415);
    assert_eq!(operator.get("/keys/").await.expect(200).json().as_array().unwrap().len(), 1);
    for path in ["/keys/x", "/keys/018f3c2a-0000-7000-8000-0000000000ff"] {
        operator.get(path).await.expect(404);
    }
    let answer = http::request(operator.port(), "PUT", "/keys/", &operator.authorization(), b"").await.expect(405);
    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
}

#[tokio::test]
async fn st13_a_stream_ends_when_its_key_is_revoked_over_http() {
    let (server, operator) = Server::start().await;
    let (made, holder) = make(&server, &operator, json!({ "scopes": ["stream"], "owner": "alice" })).await;
    let mut stream = Lines::open(&holder, "/stream?topic=*", "").await;
    delete(&operator, &made["id"]).await.expect(204);
    assert_eq!(stream.event().await["control"], "bye");
    assert_eq!(stream.next().await, None);
}
