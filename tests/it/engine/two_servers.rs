//! Several servers on one database, some of which are killed.

use std::collections::BTreeSet;

use serde_json::json;
use thorn_core::testing::Receiver;
use thorn_test_support::Place;

use super::{
    server::{Caller, Server},
    streams::{Lines, SSE},
};
use crate::app::{PATIENCE, eventually};

const WRITERS: usize = 4;
const EVENTS: usize = 200;

/// A client of the stream that keeps nothing but its last id.
#[derive(Default)]
struct Client {
    last_id: String,
    numbers: Vec<usize>,
}

impl Client {
    /// Opens a stream and reads so many events, if there are so many.
    async fn read(&mut self, caller: &Caller, events: usize) {
        let header = format!("{SSE}last-event-id: {}\r\n", self.last_id);
        let mut stream = Lines::open(caller, "/stream?topic=load.*&after=earliest", &header).await;
        for _ in 0..events.min(EVENTS - self.numbers.len()) {
            let record = loop {
                let line = stream.next().await.expect("the stream goes on");
                if let Some(data) = line.strip_prefix("data: ") {
                    break serde_json::from_str::<serde_json::Value>(data).unwrap();
                }
            };
            let cursor = record["cursor"].as_str().unwrap();
            let position =
                |cursor: &str| cursor.split_once('-').map_or(0, |(digits, _)| digits.parse::<u64>().unwrap());
            assert!(position(cursor) > position(&self.last_id), "{cursor} after {}", self.last_id);
            cursor.clone_into(&mut self.last_id);
            self.numbers.push(usize::try_from(record["data"].as_u64().unwrap()).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ac8_ac10_st15_of_two_servers_one_is_killed_again_and_again_and_each_event_is_streamed_and_delivered() {
    let (first, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    operator.subscribe("load.*", &receiver.url("/")).await;
    let url = first.place.url.clone();
    let second = Server::on(Place::given(url.clone()), &[], &[]).await;
    let publisher = second.caller(operator.key());
    let writing = (0..WRITERS).map(|writer| {
        let publisher = publisher.clone();
        tokio::spawn(async move {
            for number in (writer..EVENTS).step_by(WRITERS) {
                publisher.publish(json!({ "event": "load.one", "data": number })).await;
            }
        })
    });
    let writing: Vec<_> = writing.collect();

    let mut client = Client::default();
    client.read(&operator, 7).await;
    let _place = first.kill();
    while client.numbers.len() < EVENTS {
        client.read(&publisher, 11).await;
        let third = Server::on(Place::given(url.clone()), &[], &[]).await;
        client.read(&third.caller(operator.key()), 23).await;
        third.kill();
    }
    for writer in writing {
        writer.await.unwrap();
    }
    client.numbers.sort_unstable();
    assert_eq!(client.numbers, (0..EVENTS).collect::<Vec<_>>(), "each event is streamed once");
    // One more than once, if its server was killed before it could record the delivery.
    let delivered = async || -> BTreeSet<_> {
        receiver.received().iter().map(|one| one.json()["data"].as_u64().unwrap()).collect()
    };
    let _ = receiver.wait_for(EVENTS, PATIENCE).await.unwrap();
    eventually("each event delivered", async || {
        let delivered = delivered().await.len();
        if delivered == EVENTS { Ok(()) } else { Err(delivered.to_string()) }
    })
    .await;
}
