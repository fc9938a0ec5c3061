//! `/stream` and `/consumers/` of the server: what is published, dispatched or written by an application comes out.

use std::{collections::VecDeque, time::Duration};

use sea_orm::{ConnectionTrait as _, Schema};
use serde_json::{Value, json};
use thorn_core::testing::Receiver;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{
    dispatch::post,
    server::{Caller, Server},
};
use crate::{app::PATIENCE, model::entities::article};

/// An open stream of lines.
pub(super) struct Lines {
    connection: BufReader<TcpStream>,
    head: String,
    lines: VecDeque<String>,
}

impl Lines {
    pub(super) async fn open(caller: &Caller, path: &str, headers: &str) -> Self {
        let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", caller.port())).await.unwrap());
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{}{headers}\r\n", caller.authorization());
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = timeout(PATIENCE, connection.read_line(&mut head)).await.expect("a head").unwrap();
            assert!(read > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Self { connection, head, lines: VecDeque::new() }
    }

    /// The next line that isn't empty. `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            let chunk = timeout(PATIENCE * 3, self.chunk()).await.expect("a line")?;
            self.lines.extend(chunk.lines().filter(|line| !line.is_empty()).map(str::to_owned));
        }
    }

    /// The next chunk of the body. Each frame is one.
    async fn chunk(&mut self) -> Option<String> {
        let mut size = String::new();
        self.connection.read_line(&mut size).await.unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        self.connection.read_exact(&mut chunk).await.ok()?;
        (size > 0).then(|| String::from_utf8_lossy(&chunk[..size]).into_owned())
    }

    pub(super) async fn event(&mut self) -> Value {
        let line = self.next().await.expect("an event");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

pub(super) const SSE: &str = "accept: text/event-stream\r\n";

#[tokio::test]
async fn ac5_a_dispatch_comes_out_of_the_stream_and_the_next_stream_goes_on_after_it() {
    let (_server, operator) = Server::start().await;
    let mut stream = Lines::open(&operator, "/stream?topic=order.**", SSE).await;
    assert!(stream.head.contains("text/event-stream") && stream.head.contains("thorn-cursor: "), "{}", stream.head);
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    post(&operator, "/dispatch?_topic=order.paid", form, b"x=1").await.expect(202);
    let (id, data) = loop {
        // A comment and `retry:` come first.
        let line = stream.next().await.unwrap();
        if let Some(id) = line.strip_prefix("id: ") {
            break (id.to_owned(), stream.next().await.unwrap());
        }
    };
    let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(
        (&event["event"], &event["text"], event["cursor"].as_str()),
        (&json!("order.paid"), &json!("x=1"), Some(&*id))
    );
    assert_eq!(event["type"], "application/x-www-form-urlencoded");

    operator.publish(json!({ "event": "order.shipped", "data": { "n": 1.50 } })).await;
    let mut again = Lines::open(&operator, "/stream?topic=order.**", &format!("last-event-id: {id}\r\n")).await;
    let event = again.event().await;
    assert_eq!((&event["event"], event["data"].to_string()), (&json!("order.shipped"), "{\"n\":1.5}".to_owned()));
}

#[tokio::test]
async fn ac6_a_long_poll_from_the_earliest_cursor_has_every_event_once() {
    let (_server, operator) = Server::start().await;
    for n in 0..5 {
        operator.publish(json!({ "event": "a", "data": n })).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), "earliest".to_owned());
    while seen.len() < 5 {
        let path = format!("/stream?topic=*&after={cursor}&wait=5&limit=2");
        let page = operator.get(&path).await.expect(200).json();
        let events = page["events"].as_array().unwrap();
        assert!((1..=2).contains(&events.len()), "{page}");
        seen.extend(events.iter().map(|event| event["data"].as_i64().unwrap()));
        cursor = page["cursor"].as_str().unwrap().to_owned();
    }
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    let rest = operator.get(&format!("/stream?topic=*&after={cursor}&wait=0")).await.expect(200).json();
    assert_eq!((&rest["events"], &rest["more"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn ac7_a_model_that_an_application_saves_on_the_same_database_is_streamed_and_delivered() {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    operator.subscribe("article.created", &receiver.url("/")).await;
    let mut stream = Lines::open(&operator, "/stream?topic=article.*", "").await;
    let db = thorn::connect(&server.place.url).await.unwrap();
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(article::Entity)).await.unwrap();
    let saved = article::draft("x").insert(&db).await.unwrap();
    let event = stream.event().await;
    assert_eq!((&event["event"], &event["data"]["id"]), (&json!("article.created"), &json!(saved.id)), "{event}");
    let delivered = receiver.wait_for(1, PATIENCE).await.unwrap().remove(0);
    assert_eq!((&delivered.json()["event"], &delivered.json()["data"]), (&event["event"], &event["data"]));
}

#[tokio::test]
async fn a_key_streams_what_its_owner_and_its_scopes_allow() {
    let (server, operator) = Server::start().await;
    let alice = server.key(Some("alice"), "publish,stream:order.**");
    let bob = server.key(Some("bob"), "publish");
    assert_eq!(bob.get("/stream?topic=*&wait=0").await.status, 403);
    assert_eq!(bob.get("/consumers/").await.status, 403);
    let nobody = server.caller("thk_none");
    assert_eq!(nobody.get("/stream?topic=*&wait=0").await.status, 401);
    for (caller, event) in [(&bob, "order.of.bob"), (&alice, "user.of.alice"), (&alice, "order.of.alice")] {
        caller.publish(json!({ "event": event, "data": 1 })).await;
    }
    let names = async |caller: &Caller, least: usize| {
        crate::app::eventually("events", || async {
            let page = caller.get("/stream?topic=**&after=earliest&wait=0").await.expect(200).json();
            let names: Vec<_> = page["events"].as_array().unwrap().iter().map(|one| one["event"].clone()).collect();
            if names.len() >= least { Ok(names) } else { Err(page.to_string()) }
        })
        .await
    };
    assert_eq!(names(&operator, 3).await, ["order.of.bob", "user.of.alice", "order.of.alice"]);
    assert_eq!(names(&alice, 1).await, ["order.of.alice"]);
}

#[tokio::test]
async fn st13_a_stream_ends_when_its_key_is_revoked_and_when_the_server_stops() {
    let (mut server, operator) = Server::start().await;
    let alice = server.key(Some("alice"), "stream");
    let mut revoked = Lines::open(&alice, "/stream?topic=*", "").await;
    let mut other = Lines::open(&operator, "/stream?topic=*", "").await;
    let listed = crate::process::output(super::server::thorn(&server.place.url).args(["key", "list"]));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let of_alice = listed.lines().find(|line| line.contains("alice")).expect("alice's key");
    let id = of_alice.split_whitespace().find(|word| word.len() == 36).expect("its id").to_owned();
    let output = crate::process::output(super::server::thorn(&server.place.url).args(["key", "revoke", &id]));
    assert!(output.status.success(), "{output:?}");
    let bye = revoked.event().await;
    assert_eq!(bye["control"], "bye", "{bye}");
    assert_eq!(revoked.next().await, None);

    let stopping = std::time::Instant::now();
    server.terminate();
    assert_eq!(other.event().await["control"], "bye");
    assert!(server.ended().await.success());
    assert!(stopping.elapsed() < Duration::from_secs(25), "{:?}", stopping.elapsed());
}

#[tokio::test]
async fn a_consumer_keeps_its_cursor_on_the_server() {
    let (_server, operator) = Server::start().await;
    let headers = format!("{}content-type: application/json\r\n", operator.authorization());
    let body = br#"{"cursor": "earliest"}"#;
    crate::blog::http::request(operator.port(), "PUT", "/consumers/billing/", &headers, body).await.expect(201);
    operator.publish(json!({ "event": "a.b", "data": 7 })).await;
    let path = "/consumers/billing/events?topic=a.*&wait=10";
    let page = operator.get(path).await.expect(200).json();
    assert_eq!(page["events"][0]["data"], 7);
    assert_eq!(operator.get(path).await.expect(200).json()["events"][0]["data"], 7, "reading moves nothing");
    operator.post("/consumers/billing/ack", json!({ "cursor": page["cursor"] })).await.expect(200);
    let page = operator.get("/consumers/billing/events?topic=a.*&wait=0").await.expect(200).json();
    assert_eq!(page["events"], json!([]));
}
