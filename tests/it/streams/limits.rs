//! Bounds on open streams, and their end.

use std::time::Duration;

use serde_json::json;
use thorn::Config;

use super::{Server, config, id_of};
use crate::app::{self, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn st12_over_a_limit_a_client_is_refused_and_a_browser_gets_a_stream_that_ends() {
    let config = Config { streams: 3, streams_per_caller: 2, ..config() };
    let server = Server::with(config).await;
    let open = |user: &str| server.stream(user, "topic=*").header("accept", "text/event-stream").open();
    let first = open("alice").await;
    let _second = open("alice").await;
    for (user, status) in [("alice", 429), ("carol", 503)] {
        let _third = if user == "carol" { Some(open("bob").await) } else { None };
        for accept in ["application/json", "*/*"] {
            let answer = server.stream(user, "topic=*").header("accept", accept).answer().await;
            assert_eq!(answer.status, status, "{answer:?}");
            assert!(answer.header("retry-after").parse::<u32>().is_ok());
        }
        let mut refused = open(user).await;
        assert_eq!(refused.status, 200, "`EventSource` gives up for good on {status}");
        assert_eq!(refused.line().await.unwrap(), ":");
        assert_eq!(refused.line().await.unwrap(), "retry: 60000");
        assert_eq!(refused.event().await.unwrap().event.as_deref(), Some("thorn.bye"));
    }
    drop(first);
    app::eventually("a place within a second of the client's end", || async {
        let answer = server.stream("alice", "topic=*&wait=0").answer().await;
        if answer.status == 200 { Ok(()) } else { Err(answer.status.to_string()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn st12_streams_are_counted_by_their_source() {
    let server = Server::with(Config { streams_per_source: Some(1), ..config() }).await;
    let _open = server.stream("alice", "topic=*").open().await;
    let answer = server.stream("bob", "topic=*").answer().await;
    assert_eq!(answer.status, 429, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn st13_br18_open_streams_end_with_a_bye_and_resume_without_loss() {
    let server = Server::new().await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(server.sse("topic=*").await);
    }
    let mut lines = server.stream("root", "topic=*").open().await;
    let first = server.send("a.b", &json!(1)).await;
    for stream in &mut streams {
        assert_eq!(id_of(&stream.record().await), first);
    }
    assert_eq!(id_of(&lines.json().await), first);
    server.app.thorn.streams().unwrap().close();
    let second = server.send("a.b", &json!(2)).await;
    for stream in &mut streams {
        let bye = tokio::time::timeout(Duration::from_secs(6), stream.event()).await.unwrap().unwrap();
        assert_eq!((bye.event.as_deref(), bye.id), (Some("thorn.bye"), None));
        stream.ends_within(PATIENCE).await;
    }
    assert_eq!(lines.json().await["control"], "bye");
    let refused = server.stream("root", "topic=*").answer().await;
    assert_eq!(refused.status, 503);
    // Another server of the same database takes over.
    let thorn = server.app.sibling(config()).await;
    let (address, serving) = super::serve(&thorn, |streams| streams).await;
    let request = super::client::Request::new(address, "/stream?topic=*").header("x-user", "root");
    let mut resumed =
        request.header("accept", "text/event-stream").header("last-event-id", &streams[0].last_id).open().await;
    assert_eq!(id_of(&resumed.record().await), second);
    serving.abort();
}
