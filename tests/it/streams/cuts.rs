//! A client whose connection is cut at random, while several servers and writers work.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
};

use thorn::{Event, EventId};
use thorn_test_support::full;

use super::{Server, client::Request, config, id_of, position_of, serve};

const WRITERS: usize = 4;

/// A number below this.
pub(super) fn random(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}

#[tokio::test(flavor = "multi_thread")]
async fn st15_ac8_a_client_that_comes_back_after_each_cut_has_each_event_once_and_in_order() {
    let cuts = if full("a thousand cuts") { 1_000 } else { 120 };
    let server = Server::new().await;
    let other = server.app.sibling(config()).await;
    let (address, serving) = serve(&other, |streams| streams).await;
    let addresses = [server.address, address];
    let events = cuts * 5;
    let writing = (0..WRITERS).map(|_| {
        let db = server.app.db().clone();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for number in 0..events / WRITERS {
                ids.push(Event::new("a.b").broadcast().send(&db, &number).await.unwrap());
            }
            ids
        })
    });
    let writing: Vec<_> = writing.collect();
    let (mut read, mut last_position, mut last_id) = (Vec::<EventId>::new(), 0, String::new());
    let expected = events / WRITERS * WRITERS;
    for cut in 0.. {
        if read.len() == expected && cut >= cuts {
            break;
        }
        let path = "/stream?topic=*&after=earliest";
        let request = Request::new(addresses[cut % 2], path).header("x-user", "root");
        let request = request.header("accept", "text/event-stream").header("last-event-id", &last_id);
        let mut stream = request.open().await;
        assert_eq!(stream.status, 200);
        for _ in 0..random(9) {
            if read.len() == expected {
                break;
            }
            let record = stream.record().await;
            let position = position_of(record["cursor"].as_str().unwrap());
            assert!(position > last_position, "{position} after {last_position}");
            last_position = position;
            read.push(id_of(&record));
            last_id.clone_from(&stream.last_id);
        }
    }
    let mut sent = Vec::new();
    for one in writing {
        sent.extend(one.await.unwrap());
    }
    sent.sort_unstable();
    read.sort_unstable();
    assert_eq!(read, sent);
    serving.abort();
}
