//! Readers that don't read.

use std::time::Duration;

use serde_json::json;

use super::{Server, id_of};

#[tokio::test(flavor = "multi_thread")]
async fn hookah_h15_st10_a_slow_reader_gets_each_event_once_and_in_order_and_holds_up_nobody() {
    const EVENTS: usize = 2_000;
    let server = Server::new().await;
    let mut slow = server.sse("topic=*").await;
    let mut quick = server.sse("topic=*").await;
    // More than the queue of a stream and the buffers of its socket hold.
    let data = json!("x".repeat(10_000));
    let writing = async {
        let mut ids = Vec::new();
        for _ in 0..EVENTS {
            ids.push(server.send("a.b", &data).await);
        }
        ids
    };
    let reading = async {
        let mut read = Vec::new();
        while read.len() < EVENTS {
            read.push(id_of(&quick.record().await));
        }
        read
    };
    let (ids, read) = tokio::join!(writing, reading);
    assert_eq!(read, ids, "the quick reader doesn't wait for the slow one");
    let mut read = Vec::new();
    while read.len() < EVENTS {
        read.push(id_of(&slow.record().await));
    }
    assert_eq!(read, ids);
    super::stays_silent(&mut slow, Duration::from_millis(100)).await;
}
