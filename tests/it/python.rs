//! Signatures, as programs that know nothing of thorn judge them: Python's `standardwebhooks` package
//! and its own `hmac` module.

use std::{
    collections::HashMap,
    io::{BufRead as _, Write as _},
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};
use thorn::{
    Config,
    attempt::Outcome,
    event::Event,
    signing::{Digest, Secret},
    subscription::{Confirm, Confirmation, ContentType, NewSubscription, Subscription},
};
use thorn_core::testing::Received;
use thorn_test_support::missing;

use crate::app::{self, PATIENCE, TestApp, eventually};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/python/verify.py");

/// The input of a receiver in Python.
#[derive(Clone, Serialize)]
struct Given {
    secret: String,
    digest: String,
    headers: HashMap<String, String>,
    /// Raw bytes in hexadecimal.
    body: String,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Verdict {
    standard: String,
    hook_hmac: String,
}

impl Given {
    fn of(request: &Received, subscription: &Subscription) -> Self {
        Self {
            secret: subscription.spec.destination.signing.secret.as_ref().unwrap().expose().to_owned(),
            digest: subscription.spec.destination.signing.digest.to_string(),
            headers: request.headers.clone(),
            body: hex(&request.body),
        }
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        assert!(self.headers.insert(name.to_owned(), value.to_owned()).is_some(), "{name}");
        self
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The interpreter, if it has the package. On a CI server it must.
fn python() -> Option<String> {
    let python = std::env::var("THORN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let tried = Command::new(&python).args(["-c", "import standardwebhooks"]).output();
    if tried.as_ref().is_ok_and(|tried| tried.status.success()) {
        return Some(python);
    }
    let how = format!(
        "`{python}` has no package `standardwebhooks`: {python} -m pip install standardwebhooks, \
         or name another interpreter in THORN_TEST_PYTHON"
    );
    missing(&format!("signatures are verified by Python, but {how}"));
    None
}

fn judge(python: &str, given: &[Given]) -> Vec<Verdict> {
    let mut child = Command::new(python)
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{python}: {error}"));
    let mut input = child.stdin.take().unwrap();
    for one in given {
        writeln!(input, "{}", serde_json::to_string(one).unwrap()).unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{SCRIPT}: {}", output.status);
    let verdicts: Vec<_> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts.len(), given.len());
    verdicts
}

/// A delivery to each of some subscriptions that differ in secret, digest and content type.
async fn deliveries() -> Vec<(Received, Subscription)> {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let mut subscriptions = Vec::new();
    for (n, (secret, digest, content_type)) in [
        (None, Digest::Sha256, ContentType::Json),
        (Some("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), Digest::Sha512, ContentType::Json),
        (Some("a plain sécret with enough bytes"), Digest::Sha1, ContentType::Json),
        (None, Digest::Sha384, ContentType::Form),
        (Some("another-plain-secret-long-enough"), Digest::Sha224, ContentType::Form),
    ]
    .into_iter()
    .enumerate()
    {
        let mut new = NewSubscription::new("user.*", receiver.url(&format!("/{n}")));
        new.spec.secret = secret.map(Secret::new);
        let new = new.digest(digest).content_type(content_type);
        subscriptions.push(app.thorn.subscriptions().create(new).await.unwrap());
    }
    let worker = app.worker().await;
    let payload = serde_json::json!({"name": "Zoë & Ко \u{1f980}", "nested": {"a": [1, 2.5, null, "\"\\\u{7f}"]}});
    Event::new("user.é.created").sender("alice").send(app.db(), &payload).await.unwrap();
    let requests = receiver.wait_for(subscriptions.len(), PATIENCE).await.unwrap();
    worker.stop().await.unwrap();
    let to = |id: &str| subscriptions.iter().find(|one| one.id.to_string() == id).unwrap().clone();
    requests.into_iter().map(|request| (request.clone(), to(request.header("hook-subscription")))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_143_146_python_verifies_every_kind_of_delivery() {
    let Some(python) = python() else { return };
    let deliveries = deliveries().await;
    let given: Vec<_> = deliveries.iter().map(|(request, subscription)| Given::of(request, subscription)).collect();
    for (verdict, (request, _)) in judge(&python, &given).into_iter().zip(&deliveries) {
        let verified = || "verified".to_owned();
        assert_eq!(verdict, Verdict { standard: verified(), hook_hmac: verified() }, "{request:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_143_146_python_refuses_what_was_tampered_with() {
    let Some(python) = python() else { return };
    let deliveries = deliveries().await;
    // Each with what Python's package says of it, and whether it is the body or the secret that is wrong,
    // which is all that Hook-HMAC covers.
    let mut cases = Vec::new();
    for (request, subscription) in &deliveries {
        let genuine = Given::of(request, subscription);
        let mut other = request.body.clone();
        *other.last_mut().unwrap() ^= 1;
        let longer = [&request.body[..], b" "].concat();
        let earlier = (request.header("webhook-timestamp").parse::<i64>().unwrap() - 1).to_string();
        let mismatch = "No matching signature found";
        cases.push((Given { body: hex(&other), ..genuine.clone() }, mismatch, false));
        cases.push((Given { body: hex(&longer), ..genuine.clone() }, mismatch, false));
        cases.push((
            Given { secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(), ..genuine.clone() },
            mismatch,
            false,
        ));
        cases.push((genuine.clone().with_header("webhook-id", "another"), mismatch, true));
        cases.push((genuine.clone().with_header("webhook-timestamp", &earlier), mismatch, true));
        cases.push((genuine.with_header("webhook-timestamp", "1000000000"), "Message timestamp too old", true));
    }
    let given: Vec<_> = cases.iter().map(|(given, ..)| given.clone()).collect();
    for (verdict, (given, standard, hook_hmac)) in judge(&python, &given).into_iter().zip(cases) {
        let hook_hmac = if hook_hmac { "verified" } else { "refused" };
        let wanted = Verdict { standard: standard.into(), hook_hmac: hook_hmac.into() };
        assert_eq!(verdict, wanted, "{:?} {}", given.headers, given.body);
    }
}

/// The first code for Python on the page for subscribers below this heading.
fn code_below(heading: &str) -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/receiving.md")).unwrap();
    let below = page.split_once(heading).unwrap().1.split_once("```python\n").unwrap().1;
    below.split_once("```").unwrap().0.to_owned()
}

/// The receiver of the page for subscribers that answers a question, on a port that it prints.
fn receiver_of_the_page() -> String {
    format!(
        "{}{}
from http.server import HTTPServer
server = HTTPServer(('127.0.0.1', 0), Hook)
print(server.server_port, flush=True)
server.serve_forever()
",
        code_below("### Python"),
        code_below("## If you are asked first"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_of_the_page_for_subscribers_confirms_what_its_secret_signs() {
    let Some(python) = python() else { return };
    let app = TestApp::with(Config { confirm: Confirm::Challenge, ..app::config() }).await;
    let _worker = app.worker().await;
    let mut child = Command::new(python)
        .args(["-c", &receiver_of_the_page()])
        .env("WEBHOOK_SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut port = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
    for (path, secret, wished) in [
        ("its", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", Confirmation::Confirmed),
        (
            "another",
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            Confirmation::Refused { outcome: Some(Outcome::Rejected) },
        ),
    ] {
        let url = format!("http://127.0.0.1:{}/{path}", port.trim());
        let new = NewSubscription::new("a.b", url).owner("alice").secret(secret);
        let made = app.thorn.subscriptions().create(new).await.unwrap();
        eventually("the confirmation", || async {
            let confirmation = app.reload(&made).await.confirmation;
            if confirmation == Some(wished) { Ok(()) } else { Err(format!("{confirmation:?}")) }
        })
        .await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The code for Python on the page for subscribers, and what feeds it.
fn code_of_the_page() -> String {
    let code = code_below("### Python");
    format!(
        "{code}
import json, sys
for line in sys.stdin:
    given = json.loads(line)
    print(receive(bytes.fromhex(given['body']), given['headers']), file=sys.stderr)
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_for_subscribers_says_verifies_a_delivery_once_and_refuses_others() {
    let Some(python) = python() else { return };
    let deliveries = deliveries().await;
    let suits = |(_, to): &&(Received, Subscription)| {
        to.spec.destination.content_type == ContentType::Json
            && to.spec.destination.signing.secret.as_ref().unwrap().expose().starts_with("whsec_")
    };
    let (request, subscription) = deliveries.iter().find(suits).unwrap();
    let genuine = Given::of(request, subscription);
    let forged = Given { body: hex(&[&request.body[..], b" "].concat()), ..genuine.clone() };
    let mut bare = genuine.clone();
    bare.headers.retain(|name, _| !name.starts_with("webhook-"));

    let mut child = Command::new(python)
        .args(["-c", &code_of_the_page()])
        .env("WEBHOOK_SECRET", &genuine.secret)
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for one in [&genuine, &forged, &bare, &genuine] {
        writeln!(input, "{}", serde_json::to_string(one).unwrap()).unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let (statuses, shown) = (String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap());
    assert_eq!(statuses.lines().collect::<Vec<_>>(), ["204", "401", "401", "204"]);
    assert_eq!(shown.lines().count(), 1, "the second one is known: {shown}");
    assert!(shown.contains("user.é.created"), "{shown}");
}
