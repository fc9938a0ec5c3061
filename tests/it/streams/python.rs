//! Streams as clients in Python read them, which know nothing of thorn: `sseclient-py` and `httpx-sse`, and a plain loop
//! over lines.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use thorn_test_support::python;

use super::Server;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/python/stream.py");

/// Lets a client in Python read the events sent before, a heartbeat, and one event after it.
async fn read_by(client: &str) {
    let module = match client {
        "sseclient" => "sseclient, requests",
        "httpx" => "httpx_sse",
        _ => "urllib.request",
    };
    let Some(python) = python(module) else { return };
    let server = Server::new().await;
    let ids = server.app.send_many(3).await;
    server.numbered(3).await;
    let url = format!("http://{}/stream?topic=*&after=earliest", server.address);
    let mut child = Command::new(python).args([SCRIPT, client, &url]).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
    let mut next = async || -> Value {
        let line = tokio::time::timeout(crate::app::PATIENCE, lines.recv()).await.expect("a line in time");
        serde_json::from_str(&line.expect("the client goes on")).unwrap()
    };
    for id in &ids {
        let read = next().await;
        assert_eq!(read["data"]["id"], id.to_string());
        assert!(client == "lines" || read["id"] == read["data"]["cursor"], "{read}");
    }
    // Longer than the silence after which a heartbeat comes.
    tokio::time::sleep(std::time::Duration::from_secs(16)).await;
    let last = server.send("a.last", &json!(1)).await;
    assert_eq!(next().await["data"]["id"], last.to_string(), "{client}: no event from a heartbeat");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn br17_sseclient_py_reads_each_event_and_none_from_a_heartbeat() {
    read_by("sseclient").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn br17_httpx_sse_reads_each_event_and_none_from_a_heartbeat() {
    read_by("httpx").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_lines_of_json() {
    read_by("lines").await;
}
