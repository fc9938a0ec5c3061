//! Streams without events: heartbeats, checkpoints, and callers who may no longer read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use super::{Server, config};

/// The heartbeat comes after 15 s.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn st4_br13_br16_a_silent_stream_has_heartbeats_and_a_checkpoint_shows_how_far_it_has_looked() {
    let server = Server::new().await;
    let began = Instant::now();
    let query = "topic=*&filter=%7B%22n%22:%7B%22gt%22:1%7D%7D";
    let mut sse = server.sse(query).await;
    let mut lines = server.stream("root", query).open().await;
    let mut checkpoints = server.sse(&format!("{query}&checkpoint=1")).await;
    for stream in [&mut sse, &mut checkpoints] {
        assert_eq!(stream.line().await.unwrap(), ":");
        assert!(stream.line().await.unwrap().starts_with("retry: "));
    }
    // Events that the filter takes away are no bytes of the stream.
    for _ in 0..3 {
        server.send("a.b", &json!({ "n": 1 })).await;
    }
    server.numbered(3).await;
    let beats = async { tokio::join!(sse.line(), lines.line(), checkpoints.line()) };
    let (comment, empty, checkpoint) = tokio::time::timeout(SOON, beats).await.expect("heartbeats");
    assert!(began.elapsed() > Duration::from_secs(14), "{:?}", began.elapsed());
    assert_eq!((comment.as_deref(), empty.as_deref()), (Some(":"), Some("")));
    let checkpoint = checkpoint.unwrap();
    assert!(checkpoint.starts_with("id: 3-"), "{checkpoint}");
    assert_eq!(checkpoints.line().await.unwrap(), "");
    assert_eq!(sse.last_id, "", "only events and checkpoints have ids");

    let sent = server.send("a.b", &json!({ "n": 2 })).await;
    for stream in [&mut sse, &mut checkpoints] {
        let record = stream.record().await;
        assert_eq!(record["id"], sent.to_string(), "a comment makes no event and loses none");
    }
    let after = checkpoint.strip_prefix("id: ").unwrap();
    let polled = server.poll(&format!("topic=*&after={after}")).await;
    assert_eq!(polled["events"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn st13_a_stream_ends_within_30_seconds_once_its_caller_may_no_longer_read() {
    let is_allowed = Arc::new(AtomicBool::new(true));
    let asked = is_allowed.clone();
    let server = Server::serving(config(), |streams| {
        streams.recheck(move |user| {
            let is_allowed = user.id != "revoked" || asked.load(Ordering::Relaxed);
            async move { is_allowed }
        })
    })
    .await;
    let open = |user: &str| server.stream(user, "topic=*").header("accept", "text/event-stream").open();
    let (mut revoked, mut other) = (open("revoked").await, open("other").await);
    server.send("a.b", &json!(1)).await;
    revoked.record().await;
    is_allowed.store(false, Ordering::Relaxed);
    let bye = tokio::time::timeout(Duration::from_secs(30), revoked.event()).await.unwrap().unwrap();
    assert_eq!(bye.event.as_deref(), Some("thorn.bye"));
    revoked.ends_within(Duration::from_secs(5)).await;
    assert_eq!(other.record().await["event"], "a.b");
    server.send("a.c", &json!(2)).await;
    assert_eq!(other.record().await["event"], "a.c");
}
