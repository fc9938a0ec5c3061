//! The log of committed events and its streams. Tests are named after the rows of the reference they check: OR for the
//! order, ST for streams, BR for reports about other projects.

mod client;
mod consumers;
mod cursors;
mod cuts;
mod formats;
mod killed;
mod limits;
mod long_poll;
mod order;
mod retention;
mod silence;
mod slow;
mod visible;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{Router, extract::FromRequestParts, http::request::Parts};
use serde_json::Value;
use thorn::{
    Caller, Config, Event, EventId, Streams, Thorn, Unauthenticated,
    stream::{Encoding, Frame, Reader, Selection, Start, Step},
    subscription::{Access, Pattern},
};
use tokio::task::JoinHandle;

use self::client::Stream;
use crate::app::{self, PATIENCE, TestApp};

/// The user of the header `x-user`; `root` is an operator. The header `x-scope` bounds what it may stream.
#[derive(Clone)]
struct User {
    id: String,
    scope: Option<Vec<Pattern>>,
}

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Unauthenticated;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unauthenticated> {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let id = header("x-user").ok_or_else(|| Unauthenticated::bearer("streams"))?.to_owned();
        let scope = header("x-scope").map(|scope| scope.split(',').map(|one| one.parse().unwrap()).collect());
        Ok(Self { id, scope })
    }
}

impl Caller for User {
    fn access(&self) -> Access<'_> {
        if self.id == "root" { Access::Operator } else { Access::Owner(&self.id) }
    }

    fn stream_scope(&self) -> Option<Vec<Pattern>> {
        self.scope.clone()
    }
}

/// An application that serves streams on loopback.
struct Server {
    app: TestApp,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

fn config() -> Config {
    Config { event_log: true, streams_per_source: None, ..app::config() }
}

impl Server {
    async fn new() -> Self {
        Self::with(config()).await
    }

    async fn with(config: Config) -> Self {
        Self::serving(config, |streams| streams).await
    }

    async fn serving(config: Config, change: impl FnOnce(Streams<User>) -> Streams<User>) -> Self {
        let app = TestApp::with(config).await;
        let (address, serving) = serve(&app.thorn, change).await;
        Self { app, address, serving }
    }

    fn stream(&self, user: &str, query: &str) -> client::Request {
        client::Request::new(self.address, &format!("/stream?{query}")).header("x-user", user)
    }

    /// An open stream of server-sent events of an operator.
    async fn sse(&self, query: &str) -> Stream {
        self.stream("root", query).header("accept", "text/event-stream").open().await
    }

    /// The JSON of a long poll of an operator.
    async fn poll(&self, query: &str) -> Value {
        let answer = self.stream("root", query).header("accept", "application/json").answer().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The shortest time that this poll takes in five tries, and its last answer. A busy machine makes any of them late.
    async fn quickest(&self, query: &str) -> (Duration, Value) {
        let (mut shortest, mut answer) = (Duration::MAX, Value::Null);
        for _ in 0..5 {
            let began = Instant::now();
            answer = self.poll(query).await;
            shortest = shortest.min(began.elapsed());
        }
        (shortest, answer)
    }

    async fn send(&self, name: &str, data: &Value) -> EventId {
        Event::new(name).broadcast().send(self.app.db(), data).await.unwrap()
    }

    /// Waits until this many events are in the log, as long as it grows.
    async fn numbered(&self, events: i64) {
        let mut before = 0;
        while before != events {
            before = app::eventually("numbered events", || async {
                let numbered = self.app.count("thorn_event WHERE position > 0").await;
                if numbered > before { Ok(numbered) } else { Err(format!("{numbered} of {events}")) }
            })
            .await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Serves the streams of this `Thorn` on a port of its own.
async fn serve(thorn: &Thorn, change: impl FnOnce(Streams<User>) -> Streams<User>) -> (SocketAddr, JoinHandle<()>) {
    let router = Router::new().merge(change(thorn::streams::<User>(thorn)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    (address, tokio::spawn(async move { axum::serve(listener, service).await.unwrap() }))
}

/// A reader of every event of the log.
async fn reader(thorn: &Thorn, start: Start) -> Reader {
    let all = Selection::new(Access::Operator, ["*".parse().unwrap()]);
    thorn.streams().unwrap().open(all, start).await.unwrap().reader
}

/// The next event of a reader, which must come in time.
async fn next(reader: &mut Reader) -> std::sync::Arc<Frame> {
    tokio::time::timeout(PATIENCE, async {
        loop {
            match reader.step().await.unwrap() {
                Step::Event(frame) => return frame,
                Step::CaughtUp => {}
                other => panic!("{other:?}"),
            }
        }
    })
    .await
    .expect("an event in time")
}

fn record(frame: &Frame) -> Value {
    serde_json::from_slice(&frame.bytes(Encoding::Element)).unwrap()
}

fn id_of(record: &Value) -> EventId {
    record["id"].as_str().unwrap().parse().unwrap()
}

fn position_of(cursor: &str) -> i64 {
    cursor.split_once('-').unwrap().0.parse().unwrap()
}

/// No event comes for so long.
async fn stays_silent(stream: &mut Stream, time: Duration) {
    let event = tokio::time::timeout(time, stream.event()).await;
    assert!(event.is_err(), "{event:?}");
}
