//! Receivers that keep no protocol: each attempt is recorded with what happened, and nobody waits for them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use thorn::{
    Config,
    attempt::{DeliveryState, Outcome, RetryPolicy},
    event::Event,
    history::Delivery,
};
use thorn_core::testing::Reply;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::app::{self, PATIENCE, TestApp};

/// How a hostile receiver treats a connection.
#[derive(Clone)]
enum Manner {
    /// Closes it before a byte is read.
    Closes,
    /// Reads the request and answers this, then closes.
    Says(String),
    /// Answers this, then a byte from time to time, for ever.
    Trickles(&'static str),
    /// Answers this, then as much as is taken, for ever.
    Floods(&'static str),
}

impl Manner {
    async fn serve(self, mut stream: TcpStream) -> std::io::Result<()> {
        if matches!(self, Self::Closes) {
            return Ok(());
        }
        read_request(&mut stream).await?;
        match self {
            Self::Closes => Ok(()),
            Self::Says(text) => stream.write_all(text.as_bytes()).await,
            Self::Trickles(head) => {
                stream.write_all(head.as_bytes()).await?;
                loop {
                    stream.write_all(b"x").await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Self::Floods(head) => {
                stream.write_all(head.as_bytes()).await?;
                loop {
                    stream.write_all(&[b'x'; 8192]).await?;
                }
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    // Every body here is the same short number.
    while !request.ends_with(b"\"data\":1}") {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// A listener of this manner: its address, and how often it was connected to. It ends with the test.
struct Hostile {
    address: std::net::SocketAddr,
    connections: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl Hostile {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, mut server) = (connections.clone(), JoinSet::new());
        server.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let serve = manner.clone().serve(stream);
                open.spawn(async move { drop(serve.await) });
            }
        });
        Self { address, connections, _server: server }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

const DEADLINE: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 2;

/// A hostile receiver, with a good one of the same event beside it; gives what is recorded of both.
async fn meet(manner: Manner) -> (Hostile, Delivery) {
    let retry = RetryPolicy::fixed(Duration::from_millis(50), ATTEMPTS);
    let app = TestApp::with(Config { timeout: DEADLINE, retry, ..app::config() }).await;
    let hostile = Hostile::start(manner).await;
    let good = app.receiver().await;
    let theirs = app.subscribe("a.b", &format!("http://{}/secret-path", hostile.address)).await;
    let ours = app.subscribe("a.b", &good.url("/")).await;
    let worker = app.worker().await;
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();

    good.wait_for(1, PATIENCE).await.unwrap();
    let ended = |rows: &[Delivery]| rows.first().is_some_and(|row| row.next_attempt_at.is_none());
    let good_row = app.deliveries(&ours, ended).await.remove(0);
    assert_eq!((good_row.state, good_row.attempts), (Some(DeliveryState::Delivered), 1));
    let row = app.deliveries(&theirs, ended).await.remove(0);
    if row.state == Some(DeliveryState::Dead) {
        assert_eq!((row.attempts, app.past_attempts(row.id).await), (ATTEMPTS, vec![1]), "{row:?}");
        assert!(hostile.connections() >= ATTEMPTS as usize);
        let reason = row.error.as_deref().unwrap();
        assert!(!reason.contains("secret-path") && !reason.contains(char::is_control), "{reason}");
        let good_ended = good_row.attempted_at.unwrap() + good_row.duration.unwrap();
        assert!(good_ended < row.attempted_at.unwrap(), "the good one waited for the other's second attempt");
    }
    assert!(row.duration.unwrap() < DEADLINE + Duration::from_secs(10), "{row:?}");
    assert_eq!(good.received().len(), 1);
    worker.stop().await.unwrap();
    (hostile, row)
}

fn assert_dead(row: &Delivery, outcome: Outcome, status: Option<u16>, reason: &str) {
    assert_eq!((row.state, row.outcome, row.status), (Some(DeliveryState::Dead), Some(outcome), status), "{row:?}");
    assert!(row.error.as_ref().is_some_and(|error| error.contains(reason)), "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_closes_at_once_is_unreachable() {
    let (_, row) = meet(Manner::Closes).await;
    assert_dead(&row, Outcome::Unreachable, None, "connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_answers_garbage_is_unreachable() {
    for garbage in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 two hundred\r\n\r\n", "\0\x01\x02\r\n\r\n"] {
        let (_, row) = meet(Manner::Says(garbage.to_owned())).await;
        assert_dead(&row, Outcome::Unreachable, None, "invalid HTTP");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_150_a_trickling_body_ends_at_the_deadline() {
    let (_, row) = meet(Manner::Trickles("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")).await;
    assert_dead(&row, Outcome::TimedOut, Some(200), "no complete response within 2s");
    assert!(row.duration.unwrap() >= DEADLINE, "{row:?}");
    assert!(row.response.unwrap().starts_with("xx"));
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_150_a_trickling_head_ends_at_the_deadline() {
    let (_, row) = meet(Manner::Trickles("HTTP/1.1 200 OK\r\nx-endless: ")).await;
    assert_dead(&row, Outcome::TimedOut, None, "no complete response within 2s");
    assert!(row.duration.unwrap() >= DEADLINE, "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_150_of_an_endless_body_the_start_is_read() {
    let (_, row) = meet(Manner::Floods("HTTP/1.1 500 Oh\r\n\r\n")).await;
    assert_dead(&row, Outcome::Rejected, Some(500), "the receiver answered 500");
    assert_eq!(row.response.unwrap(), "x".repeat(4096));
    assert!(row.duration.unwrap() < DEADLINE);

    // A status of 200 means delivered, whatever follows.
    let (_, row) = meet(Manner::Floods("HTTP/1.1 200 OK\r\n\r\n")).await;
    assert_eq!((row.state, row.status, row.attempts), (Some(DeliveryState::Delivered), Some(200), 1));
    assert_eq!(row.response.unwrap(), "x".repeat(4096));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_head_is_unreachable_before_it_fills_memory() {
    let (_, row) = meet(Manner::Floods("HTTP/1.1 200 OK\r\nx-endless: ")).await;
    assert_dead(&row, Outcome::Unreachable, None, "too large");
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_156_157_a_redirect_is_a_refusal_and_its_target_is_never_connected_to() {
    let target = Hostile::start(Manner::Says("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into())).await;
    for status in [301, 302, 303, 307, 308] {
        let head = format!("HTTP/1.1 {status} Over There\r\nlocation: http://{}/\r\n", target.address);
        let (_, row) = meet(Manner::Says(format!("{head}content-length: 0\r\nconnection: close\r\n\r\n"))).await;
        assert_dead(&row, Outcome::Rejected, Some(status), "redirects are not followed");
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_005_the_event_s_own_timeout_goes_before_the_worker_s() {
    let (short, long) = (Duration::from_millis(300), Duration::from_secs(20));
    for (workers, own, outcome) in [(long, short, Outcome::TimedOut), (short, long, Outcome::Delivered)] {
        let app = TestApp::with(Config { timeout: workers, ..app::config() }).await;
        let receiver = app.receiver().await;
        receiver.reply(Reply::status(204).delay(Duration::from_secs(1)));
        let subscription = app.subscribe("a.b", &receiver.url("/")).await;
        let worker = app.worker().await;
        Event::new("a.b").broadcast().timeout(own).retry(RetryPolicy::never()).send(app.db(), &1).await.unwrap();
        let row = app.deliveries(&subscription, |rows| rows.len() == 1).await.remove(0);
        assert_eq!((row.outcome, row.attempts), (Some(outcome), 1), "{row:?}");
        worker.stop().await.unwrap();
    }
}
