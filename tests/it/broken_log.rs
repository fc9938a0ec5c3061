//! A log that can't be written costs log lines and nothing else.

use std::{fs::File, process::Stdio};

use thorn_core::testing::Receiver;

use crate::{
    app::{PATIENCE, TestApp},
    blog::{Blog, LOOPBACK, Process},
    process::{self, WorkerProcess},
};

/// Places where no line can be written: a full disk, and a pipe that nobody reads.
fn broken() -> [(&'static str, Stdio); 2] {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (_, closed) = std::io::pipe().unwrap();
    [("a full disk", full.into()), ("a closed pipe", closed.into())]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_cannot_log_delivers_and_stops_as_usual() {
    for (place, stderr) in broken() {
        let app = TestApp::new().await;
        let receiver = app.receiver().await;
        app.subscribe("a.b", &receiver.url("/")).await;
        let mut command = process::command(&app.url);
        let mut worker = WorkerProcess::spawn_logging_to(command.env("RUST_LOG", "debug"), stderr);
        app.send_many(10).await;
        receiver.wait_for(10, PATIENCE).await.unwrap();
        app.settled().await;
        worker.terminate();
        assert!(worker.ended().await.success(), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blog_that_cannot_log_delivers_and_stops_as_usual() {
    for (place, stderr) in broken() {
        let receiver = Receiver::start().await.unwrap();
        let blog = Blog::start_logging_to(stderr, &[LOOPBACK, ("RUST_LOG", "debug")]).await;
        blog.subscribe("alice", "article.*", &receiver.url("/")).await;
        for number in 1..=3 {
            blog.write("alice", "heard").await;
            receiver.wait_for(number, PATIENCE).await.unwrap();
        }
        assert!(Process::stop(blog.process).await.success(), "{place}");
    }
}
