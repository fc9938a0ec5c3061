//! Web pages of other origins, and hosts that aren't the server's.

use super::server::Server;
use crate::blog::http;

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

#[tokio::test]
async fn br23_a_request_for_another_host_or_from_another_page_is_refused() {
    let (server, operator) = Server::with(&[("THORN_ALLOWED_HOSTS", "hooks.example")]).await;
    let port = server.port;
    let with_host = async |host: &str, path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\n{host}connection: close\r\n{}\r\n", operator.authorization());
        http::exchange(port, head.as_bytes()).await
    };
    for good in ["localhost", "127.0.0.1:1", "[::1]", "hooks.example", "HOOKS.example:443"] {
        with_host(&format!("host: {good}\r\n"), "/events/").await.expect(200);
    }
    for bad in
        ["host: 127.evil.example\r\n", "host: evil.example\r\n", "host: hooks.example.evil.example\r\n", "host: \r\n"]
    {
        let answer = with_host(bad, "/events/").await.expect(421);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        with_host(bad, "/nothing").await.expect(421);
        with_host(bad, "/healthz").await.expect(200);
        with_host(bad, "/readyz").await.expect(200);
    }
    let without = format!("GET /events/ HTTP/1.0\r\n{}\r\n", operator.authorization());
    http::exchange(port, without.as_bytes()).await.expect(421);
    let absolute = format!(
        "GET http://evil.example/events/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\n",
        operator.authorization()
    );
    http::exchange(port, absolute.as_bytes()).await.expect(421);

    // A form as a page in a browser sends it.
    let body = b"event=a.b&data=1";
    for page in [
        "origin: https://evil.example\r\n",
        "origin: null\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
    ] {
        for headers in [format!("{FORM}{page}"), format!("{FORM}{page}{}", operator.authorization())] {
            http::request(port, "POST", "/events/", &headers, body).await.expect(403);
        }
        let headers = format!("{page}{}", operator.authorization());
        http::request(port, "GET", "/events/", &headers, b"").await.expect(200);
        http::request(port, "DELETE", "/hooks/018f3c2a-0000-7000-8000-0000000000ff/", &headers, b"").await.expect(403);
    }
    // The server's own page passes the check, and a form isn't JSON.
    let own = format!("{FORM}origin: http://127.0.0.1:{port}\r\n{}", operator.authorization());
    http::request(port, "POST", "/events/", &own, body).await.expect(415);
    assert_eq!(operator.get("/events/").await.json(), serde_json::json!([]));
}

#[tokio::test]
async fn pages_of_listed_origins_may_call_and_others_learn_nothing() {
    let (server, operator) = Server::with(&[("THORN_CORS_ORIGINS", "https://app.example")]).await;
    let ask = async |origin: &str| {
        let headers = format!(
            "origin: {origin}\r\naccess-control-request-method: POST\r\naccess-control-request-headers: authorization,content-type\r\n"
        );
        http::request(server.port, "OPTIONS", "/events/", &headers, b"").await
    };
    let allowed = ask("https://app.example").await.expect(200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert!(allowed.header("access-control-allow-methods").contains("POST"), "{allowed:?}");
    assert_eq!(allowed.header("access-control-allow-headers"), "authorization,content-type");
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    for origin in ["https://evil.example", "http://app.example", "null"] {
        assert_eq!(ask(origin).await.header("access-control-allow-origin"), "", "{origin}");
    }
    let headers = "origin: https://app.example\r\nsec-fetch-site: cross-site\r\n";
    let event = serde_json::json!({ "event": "a.b", "data": 1 });
    let answer = operator.post_with("/events/", headers, event).await.expect(201);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
}
