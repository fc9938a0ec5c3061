//! Subscriptions that a deployment configures, in code or in a file.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use thorn::{
    Event, Thorn,
    signing::{Digest, Secret, hook_hmac},
    subscription::{Access, ConfiguredSubscription, Page},
};
use thorn_core::testing::{Received, Reply};

use crate::{
    app::{self, TestApp, eventually},
    process::{self, WorkerProcess},
};

const SECRET: &str = "configured-secret";

fn signed_by(request: &Received, secret: &str) -> bool {
    request.header("hook-hmac") == hook_hmac(Digest::Sha256, &Secret::new(secret), &request.body)
}

impl TestApp {
    async fn send_as(&self, sender: &str, name: &str) {
        Event::new(name).sender(sender).send(self.db(), name).await.unwrap();
    }
}

/// A file of subscriptions in a folder of its own.
struct File(PathBuf, #[expect(dead_code, reason = "it is there until it is dropped")] tempfile::TempDir);

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self(folder.path().join("subscribers.json"), folder)
    }

    fn write(&self, content: &Value) -> &Path {
        std::fs::write(&self.0, content.to_string()).unwrap();
        &self.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_098_099_101_102_188_a_stock_worker_serves_what_a_file_configures() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let file = File::new();
    file.write(&json!([
        { "event": "article.*", "url": receiver.url("/article"), "secret_env": "PARTNER_SECRET" },
        { "event": "*.removed", "url": receiver.url("/removed"), "unsigned": true },
        { "event": "**", "url": receiver.url("/alice"), "secret": SECRET, "owner": "alice" },
    ]));
    let mut command = process::command(&app.url);
    command.env("THORN_SUBSCRIBERS", &file.0).env("PARTNER_SECRET", SECRET);
    let worker = WorkerProcess::spawn(&mut command);
    app.send_as("alice", "article.created").await;
    app.send_as("bob", "article.removed").await;
    let requests = receiver.wait_for(4, app::PATIENCE).await.unwrap();
    let got = |path: &str, event: &str| {
        let found = requests.iter().find(|request| request.path == path && request.header("hook-event") == event);
        found.unwrap_or_else(|| panic!("{path} {event} in {requests:#?}"))
    };
    let first = got("/article", "article.created");
    assert!(signed_by(first, SECRET) && signed_by(got("/alice", "article.created"), SECRET));
    let second = got("/article", "article.removed");
    assert_eq!(first.header("hook-subscription"), second.header("hook-subscription"));
    assert_eq!(got("/removed", "article.removed").header("hook-hmac"), "");
    app.settled().await;
    assert_eq!(receiver.received().len(), 4, "alice hears of her own only");
    let log = worker.log();
    assert!(log.contains("configured subscriptions") && !log.contains(SECRET), "{log}");
    drop(worker);

    // The next start deletes what the file no longer lists, and keeps the rest unchanged.
    file.write(&json!([{ "event": "article.*", "url": receiver.url("/article"), "secret_env": "PARTNER_SECRET" }]));
    let worker = WorkerProcess::spawn(&mut command);
    eventually("the deletion", || async {
        let left = app.thorn.subscriptions().list(Access::Operator, Page::default()).await.unwrap();
        if left.len() == 1 { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    app.send_as("alice", "article.changed").await;
    let request = receiver.wait_for(5, app::PATIENCE).await.unwrap().remove(4);
    assert_eq!((request.path.as_str(), request.header("hook-event")), ("/article", "article.changed"));
    assert_eq!(request.header("hook-subscription"), first.header("hook-subscription"));
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_file_is_wrong_says_all_that_is_wrong_and_no_secret() {
    let app = TestApp::new().await;
    let file = File::new();
    file.write(&json!([
        { "event": "a..b", "url": "http://127.0.0.1/", "secret": "hunter2-hunter2" },
        { "event": "a.b", "url": "http://10.0.0.1/hunter2", "secret": "hunter2-hunter2" },
    ]));
    for (path, expected) in [
        (
            file.0.as_path(),
            &["`subscribers.json`", "entry 1 (event `a..b`): event:", "entry 2 (event `a.b`): url: 10.0.0.1"][..],
        ),
        (Path::new("/nowhere/at-all.json"), &["`at-all.json`", "/nowhere/at-all.json can't be read"]),
    ] {
        let output = process::output(process::command(&app.url).env("THORN_SUBSCRIBERS", path));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && !told.contains("hunter2"), "{told}");
        expected.iter().for_each(|expected| assert!(told.contains(expected), "{expected} in {told}"));
    }
    assert!(app.thorn.subscriptions().list(Access::Operator, Page::default()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_098_188_what_code_configures_is_served_and_reloaded_without_a_restart() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let at = |path: &str| ConfiguredSubscription::signed("article.*", receiver.url(path), SECRET);
    let build = |list: Vec<ConfiguredSubscription>| {
        Thorn::builder(app.db().clone()).config(app::config()).configured_subscriptions("blog", list).build()
    };
    let thorn = build(vec![at("/a"), at("/b")]).await.unwrap();
    let worker = app.worker().await;
    let paths = |requests: &[Received]| {
        let mut paths: Vec<_> = requests.iter().map(|request| request.path.clone()).collect();
        paths.sort();
        paths
    };
    app.send_as("alice", "article.created").await;
    assert_eq!(paths(&receiver.wait_for(2, app::PATIENCE).await.unwrap()), ["/a", "/b"]);
    let counts = thorn.configure_subscriptions("blog", [at("/b"), at("/c")]).await.unwrap();
    assert_eq!((counts.added, counts.removed, counts.unchanged), (1, 1, 1));
    app.send_as("alice", "article.created").await;
    assert_eq!(paths(&receiver.wait_for(4, app::PATIENCE).await.unwrap()[2..]), ["/b", "/c"]);
    // Built again without a list, it stays; with an empty one, it goes.
    Thorn::builder(app.db().clone()).config(app::config()).build().await.unwrap();
    app.send_as("alice", "article.created").await;
    assert_eq!(receiver.wait_for(6, app::PATIENCE).await.unwrap().len(), 6);
    build(Vec::new()).await.unwrap();
    app.send_as("alice", "article.created").await;
    app.settled().await;
    assert_eq!(receiver.received().len(), 6);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_subscription_whose_receiver_is_gone_stays_disabled_over_a_restart() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let list = || [ConfiguredSubscription::signed("a.b", receiver.url("/"), SECRET)];
    let configure = || async { app.thorn.configure_subscriptions("blog", list()).await.unwrap() };
    configure().await;
    let worker = app.worker().await;
    receiver.reply(Reply::status(410));
    app.send_as("alice", "a.b").await;
    let disabled = eventually("the subscription disabled", || async {
        let one = app.thorn.subscriptions().list(Access::Operator, Page::default()).await.unwrap().remove(0);
        if one.disabled.is_some() { Ok(one) } else { Err(format!("{one:?}")) }
    })
    .await;
    assert_eq!(configure().await.unchanged, 1);
    assert!(app.reload(&disabled).await.disabled.is_some());
    worker.stop().await.unwrap();
    assert_eq!(receiver.arrived(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lists_under_one_name_are_refused_before_one_deletes_the_other() {
    let app = TestApp::new().await;
    let one = |url: &str| [ConfiguredSubscription::unsigned("a.*", url)];
    let builder = || Thorn::builder(app.db().clone()).config(app::config());
    let file = File::new();
    let path = file.write(&json!([{ "event": "*", "url": "http://127.0.0.1/file", "unsigned": true }]));
    let twice = builder()
        .configured_subscriptions("blog", one("http://127.0.0.1/one"))
        .configured_subscriptions("blog", one("http://127.0.0.1/two"));
    let like_the_file =
        builder().subscriptions_file(path).configured_subscriptions("subscribers.json", one("http://127.0.0.1/one"));
    for (builder, name) in [(twice, "blog"), (like_the_file, "subscribers.json")] {
        let refused = builder.build().await.unwrap_err().to_string();
        assert!(refused.contains(&format!("`{name}`")), "{refused}");
    }
    let all = || async { app.thorn.subscriptions().list(Access::Operator, Page::default()).await.unwrap().len() };
    assert_eq!(all().await, 0);
    let apart = builder()
        .configured_subscriptions("blog", one("http://127.0.0.1/one"))
        .configured_subscriptions("shop", one("http://127.0.0.1/two"));
    apart.build().await.unwrap();
    assert_eq!(all().await, 2);
}
