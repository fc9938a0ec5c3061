//! When connections are reused.

use std::sync::mpsc;

use thorn_test_support::{PATIENCE, eventually};

use super::*;

async fn connections(keep_alive: bool, posts: usize) -> usize {
    let receiver = Receiver::start(Reply::status("200 OK", "", "ok")).await;
    let client = guarded_by(loopback());
    for _ in 0..posts {
        let attempt = Hook { keep_alive, ..Hook::default() }.send(&client, &receiver.url()).await;
        assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    }
    for request in receiver.requests() {
        assert_eq!(request.all("connection"), if keep_alive { vec![] } else { vec!["close"] });
    }
    receiver.connections()
}

#[tokio::test]
async fn thorn_137_posts_share_a_connection() {
    assert_eq!(connections(true, 20).await, 1);
}

#[tokio::test]
async fn thorn_137_155_without_keep_alive_each_post_has_its_own() {
    assert_eq!(connections(false, 5).await, 5);
}

#[tokio::test]
async fn thorn_155_a_kept_connection_is_not_for_those_who_want_their_own() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "ok")).await;
    let client = guarded_by(loopback());
    for keep_alive in [true, false, true] {
        Hook { keep_alive, ..Hook::default() }.send(&client, &receiver.url()).await;
    }
    assert_eq!((receiver.requests().len(), receiver.connections()), (3, 2));
}

#[tokio::test]
async fn thorn_151_a_shared_connection_is_resolved_once() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "ok")).await;
    let guard = loopback().resolving_to([["127.0.0.1"], ["127.0.0.1"]]);
    let client = guarded_by(guard.clone());
    for _ in 0..5 {
        let url = format!("http://a.test:{}/", receiver.address.port());
        assert_eq!(Hook::default().send(&client, &url).await.outcome, Outcome::Delivered);
    }
    assert_eq!((guard.unused_answers(), receiver.connections()), (1, 1));
}

#[tokio::test]
async fn a_connection_with_an_unread_rest_is_not_used_again() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "z".repeat(1 << 20))).await;
    let client = guarded_by(loopback());
    for _ in 0..3 {
        let attempt = Hook::default().send(&client, &receiver.url()).await;
        assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    }
    assert_eq!(receiver.connections(), 3);
}

/// Stops the clock of this runtime until the return value is dropped, so that a request stays new until it is answered,
/// however slow the machine is. A test that takes longer than [`PATIENCE`] goes on with the clock, and its requests time out.
fn stopped_clock() -> mpsc::Sender<()> {
    let (stopped, dropped) = mpsc::channel();
    tokio::time::pause();
    // tokio moves a paused clock on only while no blocking task runs.
    tokio::task::spawn_blocking(move || dropped.recv_timeout(PATIENCE));
    stopped
}

#[tokio::test]
async fn many_endpoints_of_one_host_share_its_connections() {
    let _stopped = stopped_clock();
    let receiver = Receiver::start(Reply::status("200 OK", "", "ok")).await;
    let client = guarded_by(loopback());
    let (hook, urls) = (Hook::default(), (0..500).map(|n| format!("{}{n}", receiver.url())));
    let urls: Vec<_> = urls.collect();
    let attempts = futures::future::join_all(urls.iter().map(|url| hook.send(&client, url))).await;
    assert!(attempts.iter().all(|attempt| attempt.outcome == Outcome::Delivered), "{attempts:?}");
    let kept = ClientConfig::default().idle_connections;
    assert!((1..=kept).contains(&receiver.connections()), "{}", receiver.connections());
}

#[tokio::test]
async fn a_host_that_hangs_is_not_waited_for() {
    let receiver = Receiver::start(Reply::Hang).await;
    let client = guarded_by(loopback());
    let (hook, url) = (Hook { timeout: PATIENCE * 2, ..Hook::default() }, receiver.url());
    let sending = futures::future::join_all((0..200).map(|_| hook.send(&client, &url)));
    // The last requests get their turn while the first are still waiting for a response.
    let arriving = eventually("all requests", || async {
        let arrived = receiver.requests().len();
        if arrived == 200 { Ok(()) } else { Err(format!("{arrived} have arrived")) }
    });
    tokio::select! {
        attempts = sending => panic!("they end: {:?}", attempts.first()),
        () = arriving => {}
    }
}

#[tokio::test]
async fn a_request_on_a_kept_connection_that_the_receiver_closed_is_repeated_once() {
    let Reply::Bytes(ok) = Reply::status("200 OK", "", "ok") else { unreachable!() };
    let receiver = Receiver::start(Reply::OncePerConnection(ok)).await;
    let (client, hook) = (guarded_by(loopback()), Hook::default());
    for _ in 0..3 {
        let attempt = hook.send(&client, &receiver.url()).await;
        assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    }
    // The second request came on a kept connection, and again on a new one, which isn't kept. So did the third, since
    // the kept connection was gone: it opened one that is kept.
    assert_eq!((receiver.requests().len(), receiver.connections()), (4, 3));
}

#[tokio::test]
async fn a_request_that_a_new_connection_doesn_t_answer_is_not_repeated() {
    let receiver = Receiver::start(Reply::AndClose(Vec::new())).await;
    let attempt = Hook::default().send(&guarded_by(loopback()), &receiver.url()).await;
    assert_eq!(attempt.outcome, Outcome::Unreachable, "{attempt:?}");
    assert_eq!((receiver.requests().len(), receiver.connections()), (1, 1));
}

#[tokio::test]
async fn after_a_failure_the_name_is_resolved_again_for_a_new_connection() {
    for (status, connections) in [("503 Service Unavailable", 2), ("400 Bad Request", 1), ("200 OK", 1)] {
        let receiver = Receiver::start(Reply::status(status, "", "")).await;
        let guard = loopback().resolving_to([["127.0.0.1"], ["127.0.0.1"]]);
        let (client, hook) = (guarded_by(guard.clone()), Hook::default());
        for _ in 0..2 {
            hook.send(&client, &format!("http://a.test:{}/", receiver.address.port())).await;
        }
        assert_eq!((receiver.connections(), guard.unused_answers()), (connections, 2 - connections), "{status}");
    }
}

#[tokio::test]
async fn after_a_failure_the_connections_of_the_old_address_are_left() {
    let old = Receiver::start(Reply::status("503 Service Unavailable", "", "")).await;
    let new = Receiver::start_at(&format!("127.0.0.2:{}", old.address.port()), Reply::status("200 OK", "", "")).await;
    let guard = loopback().resolving_to([["127.0.0.1"], ["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]]);
    let (client, hook) = (guarded_by(guard), Hook::default());
    let url = format!("http://a.test:{}/", old.address.port());
    // Two connections to the old address are kept.
    let both = tokio::join!(hook.send(&client, &url), hook.send(&client, &url));
    assert_eq!((both.0.status, both.1.status, old.connections()), (Some(503), Some(503), 2));
    for n in 0..10 {
        assert_eq!(hook.send(&client, &url).await.status, Some(200), "request {n}");
    }
    assert_eq!((old.connections(), new.connections()), (2, 2), "one that isn't kept, and one that is");
}

/// A client that may keep so many connections, and as many receivers with a port each.
async fn keeping(most: usize, receivers: usize) -> (Client, Vec<Receiver>) {
    let kept = Arc::new(KeptConnections::at_most(most));
    let client = Client::new(ClientConfig { guard: loopback(), kept, ..ClientConfig::default() }).unwrap();
    let mut started = Vec::new();
    for _ in 0..receivers {
        started.push(Receiver::start(Reply::status("200 OK", "", "ok")).await);
    }
    (client, started)
}

#[tokio::test]
async fn however_many_hosts_there_are_few_connections_are_kept() {
    // Each fourth request ends a client, and the last two find room.
    let (client, receivers) = keeping(4, 18).await;
    for receiver in &receivers {
        assert_eq!(Hook::default().send(&client, &receiver.url()).await.outcome, Outcome::Delivered);
        assert!(client.inner.guarded.by(None).unwrap().pools.opened() <= 4);
    }
    // The last ones are still kept.
    let last = receivers.last().unwrap();
    assert_eq!(Hook::default().send(&client, &last.url()).await.outcome, Outcome::Delivered);
    assert_eq!(last.connections(), 1);
}

#[tokio::test]
async fn while_requests_that_hang_hold_the_old_client_further_connections_are_not_kept() {
    let (client, receivers) = keeping(4, 20).await;
    let hole = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", hole.local_addr().unwrap());
    let hangs = Hook::default();
    let hanging = hangs.send(&client, &url);
    let others = async {
        let _open = hole.accept().await.unwrap();
        for receiver in &receivers {
            assert_eq!(Hook::default().send(&client, &receiver.url()).await.outcome, Outcome::Delivered);
            assert!(client.inner.guarded.by(None).unwrap().pools.opened() <= 4);
        }
        let last = receivers.last().unwrap();
        Hook::default().send(&client, &last.url()).await;
        assert_eq!(last.connections(), 2, "it isn't kept");
    };
    tokio::select! {
        ended = hanging => panic!("{ended:?}"),
        () = others => {}
    }
    // Now nothing holds it.
    let last = receivers.last().unwrap();
    for _ in 0..2 {
        assert_eq!(Hook::default().send(&client, &last.url()).await.outcome, Outcome::Delivered);
    }
    assert_eq!(last.connections(), 3, "it is kept again");
}
