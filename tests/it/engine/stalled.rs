//! BR12: a thousand readers that don't read.
//!
//! `THORN_TEST_FULL=1 cargo test --workspace --all-features --test it engine::stalled` has as many; otherwise there are fewer.

use serde_json::json;
use thorn::Event;
use thorn_test_support::full;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

use super::{server::Server, streams::Lines};

/// Readers and events with `THORN_TEST_FULL=1`, where the test takes a minute.
const ALL: (usize, usize) = (1_000, 10_000);
/// Readers and events otherwise. Unbounded, each reader would take all of the 40 MB of the events.
const FEW: (usize, usize) = (200, 4_000);

/// Bytes of each event.
const SIZE: usize = 10_000;

/// Memory of the server that all of these readers may take: what each has read of the log and not sent.
const ALL_MIB: u64 = 200;

/// Memory that the later events may take on top: none depends on their number.
const MORE_MIB: u64 = 40;

/// Opens a stream and reads nothing of it, not even its head.
async fn open(server: &Server, authorization: &str, topic: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // The system would keep megabytes for each reader.
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(([127, 0, 0, 1], server.port).into()).await.unwrap();
    let head = format!("GET /stream?topic={topic} HTTP/1.1\r\nhost: localhost\r\n{authorization}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn br12_a_thousand_readers_that_don_t_read_take_bounded_memory_and_hold_up_nobody() {
    thorn::worker::raise_descriptor_limit().unwrap();
    let settings = [("THORN_STREAMS_PER_KEY", "2000"), ("THORN_STREAMS_PER_SOURCE", "2000")];
    let (server, operator) = Server::with(&settings).await;
    let (count, events) = if full("1,000 readers and 10,000 events instead of 200 and 4,000") { ALL } else { FEW };
    let mut readers = Vec::with_capacity(count);
    for n in 0..count {
        // An event that nobody's topic wants takes no place in any queue.
        let topic = if n % 10 == 0 { "nothing.*" } else { "load.*" };
        readers.push(open(&server, &operator.authorization(), topic).await);
    }
    let mut quick = Lines::open(&operator, "/stream?topic=load.*", "").await;
    for reader in &readers {
        // The head has arrived, so the stream is open.
        reader.readable().await.unwrap();
    }
    let before = server.peak_mib();
    let db = thorn::connect(&server.place.url).await.unwrap();
    let data = json!("x".repeat(SIZE));
    let writing = async {
        for _ in 0..events / 100 {
            let event = || Event::new("load.heavy").broadcast().render(&data).unwrap();
            let events = (0..100).map(|_| event()).collect();
            thorn::outbox::write(&db, events).await.unwrap();
        }
    };
    let reading = async {
        // By then, the sockets and the queue of every other reader are full.
        let mut peak_after_a_fifth = 0;
        for n in 0..events {
            assert_eq!(quick.event().await["event"], "load.heavy");
            if n == events / 5 {
                peak_after_a_fifth = server.peak_mib();
            }
        }
        peak_after_a_fifth
    };
    let ((), early) = tokio::join!(writing, reading);
    let late = server.peak_mib();
    eprintln!("{before} MiB before, {early} after a fifth, {late} after all");
    assert!(late < before + ALL_MIB, "{before} MiB before, {late} after");
    assert!(late < early + MORE_MIB, "{early} MiB after a fifth of the events, {late} after all");
    drop(readers);
}
