//! Connections used again, or not.

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
    let guard = loopback().answering([["127.0.0.1"], ["127.0.0.1"]]);
    let client = guarded_by(guard.clone());
    for _ in 0..5 {
        let url = format!("http://a.test:{}/", receiver.address.port());
        assert_eq!(Hook::default().send(&client, &url).await.outcome, Outcome::Delivered);
    }
    assert_eq!((guard.answers_left(), receiver.connections()), (1, 1));
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
