//! Streams as programs of others read them, which know nothing of thorn: clients for Python and Node.js. Those for
//! server-sent events are one for each language's usual ways to make requests.

use std::process::Command;

use serde_json::json;
use thorn::Event;
use thorn_test_support::{Place, node, python};

use super::{
    server::{Caller, Server},
    streams::{Lines, SSE},
};
use crate::hub::programs::Program;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");

/// A client, if it is installed.
fn in_python(client: &str, modules: &str) -> Option<Command> {
    let mut command = Command::new(python(modules)?);
    command.args([&format!("{SCRIPTS}/python/stream.py"), client]);
    Some(command)
}

/// A client, if it is installed.
fn in_node(client: &str) -> Option<Command> {
    let mut command = node(client)?;
    command.args([&format!("{SCRIPTS}/node/stream.js"), client]);
    Some(command)
}

/// A program that reads every event.
struct Reader {
    program: Program,
    client: &'static str,
}

impl Reader {
    fn start(client: &'static str, mut command: Command, operator: &Caller) -> Self {
        let url = format!("http://127.0.0.1:{}/stream?topic=*&after=earliest", operator.port());
        Self { program: Program::start(command.args([&url, operator.key()])), client }
    }

    /// Nothing but this event comes next, with its cursor as id.
    async fn reads(&mut self, id: &str) {
        let read = self.program.tells().await;
        assert_eq!(read["data"]["id"], id, "{}: {read}", self.client);
        assert_eq!(read["id"], read["data"]["cursor"], "{}: {read}", self.client);
    }
}

async fn publish(operator: &Caller) -> String {
    operator.publish(json!({ "event": "a.b", "data": 1 })).await
}

/// Writes an event as an application does while no server runs.
async fn write(place: &Place) -> String {
    let db = thorn::connect(&place.url).await.unwrap();
    Event::new("a.b").broadcast().send(&db, &json!(2)).await.unwrap().to_string()
}

/// The stream gets two heartbeats, so every stream that was silent before gets one meanwhile.
async fn heartbeats(operator: &Caller) {
    let mut stream = Lines::open(operator, "/stream?topic=*", SSE).await;
    for expected in [":", "retry: ", ":", ":"] {
        let line = stream.next().await.unwrap();
        assert!(line.starts_with(expected), "{line}");
    }
}

/// How often a silent stream has a heartbeat in these tests. Clients can't tell it from the usual one after 15 s.
const HEARTBEAT: (&str, &str) = ("THORN_STREAM_HEARTBEAT", "0.5");

/// Starts the server again at its port.
async fn again(place: Place, port: u16) -> Server {
    let listen = format!("127.0.0.1:{port}");
    Server::on(place, &[], &[HEARTBEAT, ("THORN_LISTEN", &listen)]).await
}

/// Lets a client read events from before, a heartbeat, an event after it, and the events after a server that was killed.
async fn reads_each_event_once(client: &'static str, command: Option<Command>) {
    let Some(command) = command else { return };
    let (server, operator) = Server::with(&[HEARTBEAT]).await;
    let before = [publish(&operator).await, publish(&operator).await];
    let mut reader = Reader::start(client, command, &operator);
    for id in before {
        reader.reads(&id).await;
    }
    heartbeats(&operator).await;
    let id = publish(&operator).await;
    reader.reads(&id).await;

    let place = server.kill();
    let id = write(&place).await;
    let _server = again(place, operator.port()).await;
    reader.reads(&id).await;
    let id = publish(&operator).await;
    reader.reads(&id).await;
}

macro_rules! clients {
    ($($test:ident: $client:literal, $command:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                reads_each_event_once($client, $command).await;
            }
        )*

        /// All clients that are installed.
        fn all() -> Vec<(&'static str, Command)> {
            [$(($client, $command)),*].into_iter().filter_map(|(client, command)| Some((client, command?))).collect()
        }
    };
}

clients! {
    br17_sseclient_py_reads_each_event_once: "sseclient-py", in_python("sseclient", "sseclient, requests");
    br17_httpx_sse_reads_each_event_once: "httpx-sse", in_python("httpx_sse", "httpx_sse");
    br17_requests_sse_reads_each_event_once: "requests-sse", in_python("requests_sse", "requests_sse");
    br17_launchdarkly_eventsource_reads_each_event_once:
        "launchdarkly-eventsource", in_python("ld_eventsource", "ld_eventsource");
    br17_a_loop_over_lines_in_python_reads_each_event_once: "lines", in_python("lines", "urllib.request");
    br17_eventsource_for_node_reads_each_event_once: "eventsource", in_node("eventsource");
    br17_eventsource_client_for_node_reads_each_event_once: "eventsource-client", in_node("eventsource-client");
    br17_ndjson_for_node_reads_each_event_once: "ndjson", in_node("ndjson");
}

#[tokio::test(flavor = "multi_thread")]
async fn br18_every_client_goes_on_without_loss_after_a_server_that_was_shut_down() {
    let (mut server, operator) = Server::with(&[HEARTBEAT]).await;
    let mut readers: Vec<_> =
        all().into_iter().map(|(client, command)| Reader::start(client, command, &operator)).collect();
    let first = publish(&operator).await;
    for reader in &mut readers {
        reader.reads(&first).await;
    }
    server.terminate();
    assert!(server.ended().await.success());
    let place = server.kill();
    let missed = write(&place).await;
    let _server = again(place, operator.port()).await;
    let last = publish(&operator).await;
    for reader in &mut readers {
        reader.reads(&missed).await;
        reader.reads(&last).await;
    }
}
