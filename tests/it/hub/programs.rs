//! Subscribers of others, which know nothing of thorn: `flask-websub` and `websubsub` in Python, `pubsubhubbub` in Node.js.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
};

use serde_json::{Value, json};
use thorn_test_support::{missing, node, skipped};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::validator::Validator;
use crate::app::PATIENCE;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/");

/// A program of others, which tells on each line what happens. Killed when dropped.
pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    lines: UnboundedReceiver<String>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        Self { child, input, lines }
    }

    pub(crate) async fn tells(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.recv()).await.expect("a line in time");
        serde_json::from_str(&line.expect("the program goes on")).unwrap()
    }

    /// Lets it unsubscribe.
    fn unsubscribe(&mut self) {
        writeln!(self.input).unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets a program subscribe, get a version, and unsubscribe.
async fn is_served(validator: &Validator, command: &mut Command, notified: Value) {
    let mut program = Program::start(command);
    assert_eq!(program.tells().await, json!({ "verified": "subscribe" }));
    let live = async |count: usize| {
        crate::app::eventually("so many subscriptions", || async {
            let live = validator.hub.subscriptions().await.len();
            if live == count { Ok(()) } else { Err(live.to_string()) }
        })
        .await;
    };
    live(1).await;
    validator.publish("application/json", "{\"n\": 1}").await;
    assert_eq!(program.tells().await, json!({ "notified": notified }));
    program.unsubscribe();
    assert_eq!(program.tells().await, json!({ "verified": "unsubscribe" }));
    live(0).await;
}

/// The interpreter, if it has this package. On a CI server it must.
fn python(module: &str, package: &str) -> Option<Command> {
    let python = std::env::var("THORN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let tried = Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        return Some(Command::new(python));
    }
    missing(&format!("a subscriber in Python is tried, but `{python}` has no package `{package}`"));
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn ac9_flask_websub_subscribes_is_notified_and_unsubscribes() {
    let Some(mut python) = python("flask_websub", "flask-websub") else { return };
    let validator = Validator::start().await;
    python.args([&format!("{SCRIPTS}python/flask_websub_subscriber.py"), &validator.topic]);
    is_served(&validator, &mut python, json!("{\"n\": 1}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ac9_websubsub_subscribes_is_notified_and_unsubscribes() {
    let Some(mut python) = python("websubsub", "websubsub") else { return };
    let Ok(redis) = std::env::var("THORN_TEST_REDIS_URL") else {
        return skipped("websubsub locks with Redis: it is tried with THORN_TEST_REDIS_URL set");
    };
    let validator = Validator::start().await;
    python.args([&format!("{SCRIPTS}python/websubsub_subscriber.py"), &validator.topic, &validator.hub_url(), &redis]);
    is_served(&validator, &mut python, json!({ "n": 1 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ac9_ps12_pubsubhubbub_for_node_subscribes_is_notified_and_unsubscribes() {
    let Some(mut node) = node("pubsubhubbub") else { return };
    let validator = Validator::start().await;
    node.args([&format!("{SCRIPTS}node/pubsubhubbub_subscriber.js"), &validator.topic, &validator.hub_url()]);
    is_served(&validator, &mut node, json!("{\"n\": 1}")).await;
}
