//! The official SDKs for CloudEvents at the other end: Python's and JavaScript's.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use thorn_core::testing::Received;
use thorn_test_support::{node, python};

use super::{outgoing::subscribed, post};
use crate::{app::PATIENCE, engine::server::Server};

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");

/// The SDK's program for Python, if it is installed.
fn in_python() -> Option<Command> {
    let mut command = Command::new(python("cloudevents.core")?);
    command.arg(format!("{TESTS}/python/cloud_event.py"));
    Some(command)
}

/// The SDK's program for Node, if it is installed.
fn in_node() -> Option<Command> {
    let mut command = node("cloudevents")?;
    command.arg(format!("{TESTS}/node/cloud_event.js"));
    Some(command)
}

/// The lines of JSON that a program writes for these lines.
fn run(mut command: Command, task: &str, input: &[Value]) -> Vec<Value> {
    let mut child = command.arg(task).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    input.iter().for_each(|line| writeln!(stdin, "{line}").unwrap());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn given(received: &Received) -> Value {
    let hex: String = received.body.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "headers": received.headers, "body": hex })
}

/// Lets an SDK decode what thorn sends, and thorn take what the SDK sends.
async fn exchange(sdk: fn() -> Option<Command>, name: &str, decodes_percent: bool) {
    let Some(reader) = sdk() else { return };
    let (_server, operator) = Server::start().await;
    let (structured, _) = subscribed(&operator, "cloudevents").await;
    let (binary, _) = subscribed(&operator, "cloudevents-binary").await;
    let event = json!({ "event": "user.created", "data": { "name": "Zoë", "n": [1, null] }, "sender": "Zoë" });
    let id = operator.publish(event).await;
    let mut deliveries = structured.wait_for(1, PATIENCE).await.unwrap();
    deliveries.extend(binary.wait_for(1, PATIENCE).await.unwrap());
    let decoded = run(reader, "read", &deliveries.iter().map(given).collect::<Vec<_>>());
    assert_eq!(decoded.len(), 2);
    for (one, is_structured) in decoded.iter().zip([true, false]) {
        let attributes = &one["attributes"];
        assert_eq!((&attributes["id"], &attributes["type"]), (&json!(id), &json!("user.created")), "{name}: {one}");
        assert_eq!((&attributes["specversion"], &attributes["source"]), (&json!("1.0"), &json!("thorn")), "{one}");
        if is_structured || decodes_percent {
            assert_eq!(attributes["sender"], "Zoë", "{name}: {one}");
        }
        assert_eq!(one["data"], json!({ "name": "Zoë", "n": [1, null] }), "{name}: {one}");
    }

    let messages = run(sdk().unwrap(), "write", &[]);
    assert_eq!(messages.len(), 2);
    for message in &messages {
        let headers = message["headers"].as_object().unwrap().iter();
        let headers: String = headers.map(|(name, value)| format!("{name}: {}\r\n", value.as_str().unwrap())).collect();
        let hex = message["body"].as_str().unwrap();
        let body: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        post(&operator, &headers, &body).await.expect(201);
        post(&operator, &headers, &body).await.expect(200);
    }
    for received in &structured.wait_for(3, PATIENCE).await.unwrap()[1..] {
        let event = received.json();
        assert_eq!(event["type"], format!("sdk.{name}"));
        assert_eq!(event["data"], json!({ "by": name, "é": [1, 2.5] }), "{event}");
        assert!(
            event["source"].as_str().unwrap().starts_with(&format!("/{name}/")) && event["extra"].is_string(),
            "{event}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ce7_the_sdk_for_python_decodes_what_thorn_sends_and_thorn_takes_what_it_sends() {
    exchange(in_python, "python", true).await;
}

/// This SDK doesn't decode percent signs in headers.
#[tokio::test(flavor = "multi_thread")]
async fn ce7_the_sdk_for_javascript_decodes_what_thorn_sends_and_thorn_takes_what_it_sends() {
    exchange(in_node, "node", false).await;
}
