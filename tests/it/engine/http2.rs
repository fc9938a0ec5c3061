//! ST14: the server in HTTP/2, which clients speak without TLS if they know that the server does, and proxies with it.

use std::process::Command;

use axum::{
    body::Bytes,
    http::{Request, Response, Version},
};
use h2::{
    RecvStream,
    client::{Builder, SendRequest},
};
use serde_json::{Value, json};
use thorn_core::testing::Receiver;
use thorn_test_support::missing;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::JoinHandle, time::timeout};

use super::server::{Caller, Server};
use crate::app::{PATIENCE, eventually};

/// A connection, and what drives it until it ends.
struct Connection {
    requests: SendRequest<Bytes>,
    driving: JoinHandle<Result<(), h2::Error>>,
    authority: String,
    authorization: String,
}

/// A response whose body is read by lines.
struct Answer {
    head: Response<()>,
    body: RecvStream,
    unread: String,
}

impl Connection {
    async fn open(caller: &Caller) -> Self {
        Self::with(caller, &Builder::new()).await
    }

    async fn with(caller: &Caller, settings: &Builder) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", caller.port())).await.unwrap();
        let (requests, connection) = settings.handshake(stream).await.unwrap();
        let authority = format!("localhost:{}", caller.port());
        let authorization = format!("Bearer {}", caller.key());
        Self { requests, driving: tokio::spawn(connection), authority, authorization }
    }

    /// The head of the request, with the host in its target only.
    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let url = format!("http://{}{path}", self.authority);
        Request::builder().method(method).uri(url).header("authorization", &self.authorization)
    }

    async fn send(&self, request: axum::http::request::Builder, body: &[u8]) -> Result<Answer, h2::Error> {
        let mut requests = self.requests.clone().ready().await?;
        let (response, mut sending) = requests.send_request(request.body(()).unwrap(), body.is_empty())?;
        if !body.is_empty() {
            sending.send_data(body.to_vec().into(), true)?;
        }
        let (head, body) = timeout(PATIENCE, response).await.expect("an answer")?.into_parts();
        assert_eq!(head.version, Version::HTTP_2);
        Ok(Answer { head: Response::from_parts(head, ()), body, unread: String::new() })
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path), b"").await.unwrap()
    }

    async fn sse(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).header("accept", "text/event-stream"), b"").await.unwrap()
    }

    async fn post(&self, path: &str, media_type: &str, body: &[u8]) -> Answer {
        self.send(self.request("POST", path).header("content-type", media_type), body).await.unwrap()
    }

    /// The server ends the connection without an error.
    async fn ends(self) {
        timeout(PATIENCE, self.driving).await.expect("the end of the connection").unwrap().unwrap();
    }
}

impl Answer {
    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.head.status(), status, "{:?}", self.head);
        self
    }

    fn header(&self, name: &str) -> &str {
        self.head.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Makes room for more of the body, and reads it. `None` at the end.
    async fn more(&mut self) -> Option<Result<(), h2::Error>> {
        Some(timeout(PATIENCE, self.body.data()).await.expect("more of the body")?.map(|bytes| {
            self.body.flow_control().release_capacity(bytes.len()).unwrap();
            self.unread += std::str::from_utf8(&bytes).unwrap();
        }))
    }

    async fn text(mut self) -> String {
        while let Some(more) = self.more().await {
            more.unwrap();
        }
        self.unread
    }

    /// The next line that begins with this, without that beginning. `None` if there is none till the end.
    async fn line(&mut self, beginning: &str) -> Option<String> {
        loop {
            while let Some((line, rest)) = self.unread.split_once('\n') {
                let (line, rest) = (line.to_owned(), rest.to_owned());
                self.unread = rest;
                if let Some(line) = line.strip_prefix(beginning).filter(|line| !line.is_empty()) {
                    return Some(line.to_owned());
                }
            }
            self.more().await?.unwrap();
        }
    }

    async fn event(&mut self, beginning: &str) -> Value {
        serde_json::from_str(&self.line(beginning).await.expect("an event")).unwrap()
    }
}

#[tokio::test]
async fn st14_one_connection_of_http_2_has_streams_polls_events_and_dispatches() {
    let (_server, operator) = Server::start().await;
    let connection = Connection::open(&operator).await;
    let mut sse = connection.sse("/stream?topic=order.*").await.expect(200);
    let mut lines = connection.get("/stream?topic=order.*").await.expect(200);
    let mut others = connection.get("/stream?topic=user.*").await.expect(200);
    let poll = connection.get("/stream?topic=order.*&after=earliest&wait=20");
    assert_eq!(
        (sse.header("content-type"), lines.header("content-type")),
        ("text/event-stream", "application/x-ndjson")
    );
    assert!(!sse.header("thorn-cursor").is_empty() && sse.header("x-accel-buffering") == "no");
    let publish = async {
        let body = json!({ "event": "order.paid", "data": 7 }).to_string();
        let answer = connection.post("/events/", "application/json", body.as_bytes()).await.expect(201);
        serde_json::from_str::<Value>(&answer.text().await).unwrap()["id"].clone()
    };
    let (poll, id) = tokio::join!(poll, publish);
    assert_eq!(sse.event("data: ").await["id"], id);
    assert_eq!(lines.event("").await["id"], id);
    let polled: Value = serde_json::from_str(&poll.expect(200).text().await).unwrap();
    assert_eq!(polled["events"][0]["id"], id);

    let form = "application/x-www-form-urlencoded";
    let answer = connection.post("/dispatch?_topic=user.created", form, b"x=1").await.expect(202);
    assert_eq!(answer.text().await, "202 Scheduled");
    assert_eq!(others.event("").await["text"], "x=1");

    let receiver = Receiver::start().await.unwrap();
    let body = format!("_url={}&a=1&a=2", receiver.url("/"));
    connection.post("/dispatch", form, body.as_bytes()).await.expect(202);
    assert_eq!(receiver.wait_for(1, PATIENCE).await.unwrap()[0].body, b"a=1&a=2");
}

#[tokio::test]
async fn st14_head_and_preflight_work_in_both_protocols() {
    let (_server, operator) = Server::with(&[("THORN_CORS_ORIGINS", "https://app.example")]).await;
    let connection = Connection::open(&operator).await;
    let head = connection.send(connection.request("HEAD", "/stream?topic=*"), b"").await.unwrap().expect(200);
    assert_eq!(head.header("content-type"), "application/x-ndjson");
    assert_eq!(head.text().await, "");
    for path in ["/stream?topic=*", "/events/"] {
        let asked = [
            ("origin", "https://app.example"),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "authorization,last-event-id"),
        ];
        // A preflight has no key.
        let mut request = Request::builder().method("OPTIONS").uri(format!("http://{}{path}", connection.authority));
        for (name, value) in asked {
            request = request.header(name, value);
        }
        let in_2 = connection.send(request, b"").await.unwrap();
        let headers: String = asked.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let in_1 = crate::blog::http::request(operator.port(), "OPTIONS", path, &headers, b"").await;
        assert!((200..300).contains(&in_1.status) && in_1.status == in_2.head.status().as_u16(), "{in_1:?}");
        for (name, part) in [
            ("access-control-allow-origin", "https://app.example"),
            ("access-control-allow-methods", "GET"),
            ("access-control-allow-headers", "last-event-id"),
        ] {
            assert!(in_1.header(name).to_lowercase().contains(&part.to_lowercase()), "{name} {path}: {in_1:?}");
            assert_eq!(in_1.header(name), in_2.header(name), "{name} {path}");
        }
    }
}

#[tokio::test]
async fn st13_st14_a_server_that_stops_says_bye_in_http_2_and_ends_the_connection() {
    let (mut server, operator) = Server::start().await;
    let connection = Connection::open(&operator).await;
    let idle = Connection::open(&operator).await;
    let mut sse = connection.sse("/stream?topic=*").await.expect(200);
    let mut lines = connection.get("/stream?topic=*").await.expect(200);
    server.terminate();
    assert_eq!(sse.line("event: ").await.as_deref(), Some("thorn.bye"));
    assert_eq!(lines.event("").await["control"], "bye");
    assert_eq!((sse.line("id: ").await, lines.line("{").await), (None, None), "the streams end");
    connection.ends().await;
    idle.ends().await;
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn st12_st14_the_streams_of_one_connection_count_one_by_one() {
    let (_server, operator) =
        Server::with(&[("THORN_STREAMS_PER_SOURCE", "3"), ("THORN_STREAMS_PER_KEY", "1000")]).await;
    let connection = Connection::open(&operator).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(connection.get("/stream?topic=*").await.expect(200));
    }
    let refused = connection.get("/stream?topic=*").await.expect(429);
    assert_eq!(refused.header("retry-after"), "30");
    let mut browser = connection.sse("/stream?topic=*").await.expect(200);
    assert_eq!(browser.line("event: ").await.as_deref(), Some("thorn.bye"));
    // The client cancels one, and its place is free.
    drop(open.pop());
    eventually("a free place", async || {
        let status = connection.get("/stream?topic=*&wait=0").await.head.status();
        if status == 200 { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn heads_bodies_hosts_and_requests_are_bounded_in_http_2_as_in_http_1() {
    let (server, operator) = Server::with(&[("THORN_MAX_PAYLOAD_BYTES", "100000")]).await;
    let connection = Connection::open(&operator).await;
    connection.get("/healthz").await.expect(200);
    assert_eq!(connection.requests.current_max_send_streams(), 100);
    let long = |bytes: usize| connection.request("GET", "/events/").header("x", "x".repeat(bytes));
    connection.send(long(60 * 1024), b"").await.unwrap().expect(200);
    connection.send(long(65 * 1024), b"").await.unwrap().expect(431);

    let form = "application/octet-stream";
    connection.post("/dispatch?_topic=a.b", form, &[0; 100_000]).await.expect(202);
    connection.post("/dispatch?_topic=a.b", form, &[0; 100_001]).await.expect(413);
    connection.post("/dispatch", form, b"x").await.expect(400);
    let stranger = Connection::open(&server.caller("thk_no")).await;
    stranger.post("/dispatch?_topic=a.b", form, &[0; 100_001]).await.expect(401);

    for (target, host) in [("evil.example", None), ("evil.example", Some("localhost")), ("x@localhost", None)] {
        let mut request = Request::builder().uri(format!("http://{target}/events/"));
        request = request.header("authorization", &connection.authorization);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let status = connection.send(request, b"").await.map(|answer| answer.head.status().as_u16());
        assert!(matches!(status, Ok(421) | Err(_)), "{target}: {status:?}");
    }
    let own = connection.request("POST", "/events/").header("origin", format!("http://{}", connection.authority));
    connection.send(own.header("content-type", "application/json"), b"{}").await.unwrap().expect(400);
    let foreign = connection.request("POST", "/events/").header("origin", "http://evil.example");
    connection.send(foreign.header("host", "evil.example"), b"{}").await.unwrap().expect(403);
}

/// A client that has begun a head, or nothing at all.
#[tokio::test]
async fn a_connection_of_http_2_without_a_request_ends_after_10_seconds() {
    let (server, operator) = Server::start().await;
    let idle = Connection::open(&operator).await;
    let busy = Connection::open(&operator).await;
    let mut stream = busy.get("/stream?topic=*").await.expect(200);
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    // The preface, SETTINGS, and HEADERS to be continued.
    slow.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\0\0\0\0\x01\x82").await.unwrap();
    let mut half = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    half.write_all(b"PRI * HTTP/2.0").await.unwrap();
    let began = std::time::Instant::now();
    idle.ends().await;
    assert!((8..20).contains(&began.elapsed().as_secs()), "ended after {:?}", began.elapsed());
    for connection in [&mut slow, &mut half] {
        let mut rest = Vec::new();
        let ending = tokio::io::AsyncReadExt::read_to_end(connection, &mut rest);
        let _ = timeout(PATIENCE, ending).await.expect("the end of a slow connection");
    }
    operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    assert_eq!(stream.event("").await["event"], "a.b", "a stream keeps its connection");
    busy.get("/healthz").await.expect(200);
}

/// The system can't do this for one of several streams, as it does for a connection of HTTP/1.1.
#[tokio::test(flavor = "multi_thread")]
async fn st10_st14_a_stream_that_its_client_doesn_t_take_ends_after_30_seconds_and_others_go_on() {
    let (_server, operator) = Server::start().await;
    let connection = Connection::with(&operator, Builder::new().initial_window_size(1_000)).await;
    let mut stalled = connection.get("/stream?topic=a.*").await.expect(200);
    let mut read = connection.get("/stream?topic=a.*").await.expect(200);
    let data = "x".repeat(10_000);
    for _ in 0..10 {
        operator.publish(json!({ "event": "a.b", "data": data })).await;
        assert_eq!(read.event("").await["event"], "a.b", "a stream that is read isn't held up by another");
    }
    // Only what fits into its window has come to the other, and no room is made for more.
    let ended = timeout(PATIENCE * 2, async {
        loop {
            match stalled.body.data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return error.reason(),
                None => panic!("the stream ended as if it were whole"),
            }
        }
    });
    assert_eq!(ended.await.expect("the end of the stream"), Some(h2::Reason::CANCEL));
    operator.publish(json!({ "event": "a.last", "data": 1 })).await;
    assert_eq!(read.event("").await["event"], "a.last");
}

#[tokio::test(flavor = "multi_thread")]
async fn st14_curl_speaks_http_2_with_the_server_and_http_1_if_it_only_offers_to() {
    let version = Command::new("curl").arg("--version").output();
    if !version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains("HTTP2")) {
        return missing("curl with HTTP/2");
    }
    let (_server, operator) = Server::start().await;
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    for (option, version) in
        [("--http2-prior-knowledge", "HTTP/2 200"), ("--http2", "HTTP/1.1 200"), ("--http1.1", "HTTP/1.1 200")]
    {
        let url = format!("http://127.0.0.1:{}/stream?topic=*&after=earliest&wait=5", operator.port());
        let authorization = format!("Authorization: Bearer {}", operator.key());
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-i", option, "-H", &authorization, &url]);
        let output = tokio::task::spawn_blocking(move || curl.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.starts_with(version), "{option}: {output:?}");
        assert!(said.contains(&id), "{option}: {said}");
    }
}
