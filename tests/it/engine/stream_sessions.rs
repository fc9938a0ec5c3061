//! `POST /stream/session`: a cookie for browsers, whose `EventSource` can't send a key.

use serde_json::json;

use super::server::{Caller, Server, thorn};
use crate::{
    app::eventually,
    blog::http::{self, Answer},
    process,
};

const POLL: &str = "/stream?topic=**&after=earliest&wait=0";

async fn open(caller: &Caller) -> (String, String) {
    let answer = caller.send("POST", "/stream/session", json!({})).await.expect(204);
    assert_eq!(answer.header("cache-control"), "no-store");
    let (cookie, attributes) = answer.header("set-cookie").split_once("; ").unwrap();
    (cookie.to_owned(), attributes.to_owned())
}

async fn with_cookie(server: &Server, method: &str, path: &str, cookie: &str, headers: &str) -> Answer {
    let headers = format!("cookie: {cookie}\r\ncontent-type: application/json\r\n{headers}");
    http::request(server.port, method, path, &headers, b"").await
}

#[tokio::test]
async fn a_session_reads_what_its_key_may_read_and_does_nothing_else() {
    let (server, operator) = Server::start().await;
    let alice = server.key(Some("alice"), "publish,hooks,read,stream:order.**");
    let (cookie, attributes) = open(&alice).await;
    assert_eq!(attributes, "Path=/stream; Max-Age=3600; HttpOnly; SameSite=Strict");
    for (caller, name) in [(&operator, "order.of.operator"), (&alice, "order.of.alice"), (&alice, "user.of.alice")] {
        caller.publish(json!({ "event": name, "data": 1 })).await;
    }
    eventually("her event", || async {
        let page = with_cookie(&server, "GET", POLL, &format!("a=b; {cookie}; c"), "").await.expect(200).json();
        let names: Vec<_> = page["events"].as_array().unwrap().iter().map(|one| one["event"].clone()).collect();
        if names == ["order.of.alice"] { Ok(()) } else { Err(page.to_string()) }
    })
    .await;
    for (method, path) in [
        ("POST", "/stream/session"),
        ("PUT", "/consumers/x/"),
        ("POST", "/events/"),
        ("GET", "/events/"),
        ("GET", "/hooks/"),
        ("POST", "/trigger/a"),
    ] {
        with_cookie(&server, method, path, &cookie, "").await.expect(401);
    }
    http::request(server.port, "GET", "/stream/session", "", b"").await.expect(405);
}

#[tokio::test]
async fn only_a_session_that_is_good_and_of_the_server_s_own_page_is_one() {
    let (server, operator) = Server::start().await;
    let (cookie, _) = open(&operator).await;
    let poll = async |cookie: &str, headers: &str| with_cookie(&server, "GET", POLL, cookie, headers).await.status;
    assert_eq!(poll(&cookie, "").await, 200);
    assert_eq!(poll(&cookie, "sec-fetch-site: same-origin\r\n").await, 200);
    for (cookie, headers) in [
        ("", ""),
        ("thorn_stream=", ""),
        ("thorn_stream=thk_no", ""),
        (&cookie.replace("thorn_stream", "other"), ""),
        (&format!("{cookie}; {cookie}"), ""),
        (&format!("thorn_stream={}", operator.key()), ""),
        (&cookie, "sec-fetch-site: cross-site\r\n"),
        // A page on another port of this host.
        (&cookie, "sec-fetch-site: same-site\r\n"),
        (&cookie, "authorization: Bearer thk_no\r\n"),
    ] {
        assert_eq!(poll(cookie, headers).await, 401, "{cookie} {headers}");
    }
    let token = cookie.split_once('=').unwrap().1;
    server.caller(token).get("/events/").await.expect(401);
    server.key(None, "publish").send("POST", "/stream/session", json!({})).await.expect(403);
    server.get("/stream/session").await.expect(405);
    http::request(server.port, "POST", "/stream/session", "", b"").await.expect(401);
}

#[tokio::test]
async fn a_session_ends_with_its_key_on_every_server() {
    let (server, _) = Server::start().await;
    let alice = server.key(Some("alice"), "stream");
    let (cookie, _) = open(&alice).await;
    let other = Server::on(thorn_test_support::Place::given(server.place.url.clone()), &["--no-worker"], &[]).await;
    with_cookie(&other, "GET", POLL, &cookie, "").await.expect(200);
    let listed = process::output(thorn(&server.place.url).args(["key", "list"]));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let id = listed.lines().find(|line| line.contains("alice")).unwrap().split('\t').next().unwrap();
    assert!(process::output(thorn(&server.place.url).args(["key", "revoke", id])).status.success());
    for server in [&server, &other] {
        with_cookie(server, "GET", POLL, &cookie, "").await.expect(401);
    }
}

#[tokio::test]
async fn behind_tls_the_cookie_is_secure_and_for_the_path_of_the_server() {
    let (_server, operator) = Server::with(&[("THORN_BASE_URL", "https://hooks.example/thorn/")]).await;
    let (_, attributes) = open(&operator).await;
    assert_eq!(attributes, "Path=/thorn/stream; Max-Age=3600; HttpOnly; SameSite=Strict; Secure");
}
