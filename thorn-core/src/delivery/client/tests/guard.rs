//! Invariant 7: the client never connects to an address that the guard refuses.

use super::*;

#[tokio::test]
async fn thorn_164_loopback_is_blocked_and_sees_no_connection() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "")).await;
    let client = guarded_by(TargetGuard::new().allow_ports([receiver.address.port()]));
    let port = receiver.address.port();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"] {
        for keep_alive in [true, false] {
            let attempt = Hook { keep_alive, ..Hook::default() }.send(&client, &format!("http://{host}:{port}/")).await;
            assert_eq!((attempt.outcome, attempt.status), (Outcome::Blocked, None), "{host}: {attempt:?}");
            let error = attempt.error.unwrap();
            assert!(error.contains("loopback") || error.contains("`localhost` is refused"), "{error}");
        }
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn thorn_164_ac12_a_name_that_moves_inside_after_subscribing_is_blocked() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "")).await;
    let port = receiver.address.port();
    let guard = TargetGuard::new().allow_ports([port]).resolving_to([["1.1.1.1"], ["127.0.0.1"]]);
    let client = guarded_by(guard.clone());
    let url = format!("http://rebind.test:{port}/");
    assert_eq!(guard.check(&url).await, Ok(()));
    let attempt = Hook::default().send(&client, &url).await;
    assert_eq!(attempt.outcome, Outcome::Blocked, "{attempt:?}");
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn thorn_151_158_the_address_that_was_checked_is_connected_to_with_the_host_s_name() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "")).await;
    let port = receiver.address.port();
    // The guard would refuse the answer to a second DNS query, but the client makes only one query.
    let guard = loopback().resolving_to([["127.0.0.1"], ["10.0.0.1"]]);
    let attempt = Hook::default().send(&guarded_by(guard.clone()), &format!("http://a.test:{port}/x?y")).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    assert_eq!(guard.unused_answers(), 1);
    let request = receiver.request();
    assert_eq!(request.header("host"), format!("a.test:{port}"));
    assert!(request.head.starts_with("POST /x?y HTTP/1.1\r\n"), "{}", request.head);
}

#[tokio::test]
async fn thorn_164_a_closed_port_is_for_allowed_networks_only() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "")).await;
    let port = receiver.address.port();
    for (answer, outcome) in [
        (vec!["1.1.1.1"], Outcome::Blocked),
        (vec!["127.0.0.1", "1.1.1.1"], Outcome::Blocked),
        (vec!["127.0.0.1"], Outcome::Delivered),
    ] {
        let guard = loopback().resolving_to([answer.clone()]);
        let attempt = Hook::default().send(&guarded_by(guard), &format!("http://a.test:{port}/")).await;
        assert_eq!(attempt.outcome, outcome, "{answer:?}: {attempt:?}");
        if outcome == Outcome::Blocked {
            assert!(attempt.error.unwrap().contains(&format!("port {port} is closed")), "{answer:?}");
        }
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_name_reaches_an_allowed_address_whichever_ports_are_open() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "")).await;
    let other = Receiver::start(Reply::status("200 OK", "", "")).await;
    let (port, closed) = (receiver.address.port(), other.address.port());
    for validators in [vec![], vec![Validator::ports([8443])], vec![Validator::ports([port])], Validator::defaults()] {
        let allowed = TargetGuard::new().validators(validators.clone()).allow_addresses([receiver.address]);
        for (port, outcome) in [(port, Outcome::Delivered), (closed, Outcome::Blocked)] {
            let client = guarded_by(allowed.clone().resolving_to([["127.0.0.1"]]));
            let attempt = Hook::default().send(&client, &format!("http://a.test:{port}/")).await;
            assert_eq!(attempt.outcome, outcome, "{validators:?} {port}: {attempt:?}");
        }
    }
    assert_eq!((receiver.connections(), other.connections()), (4, 0));
}

#[tokio::test]
async fn what_a_url_may_not_say_is_blocked_without_a_word_of_it() {
    let client = guarded_by(loopback());
    for url in ["file:///hunter2", "http://user:hunter2@127.0.0.1/", "hunter2", "http://127.0.0.1:0/hunter2"] {
        let attempt = Hook::default().send(&client, url).await;
        assert_eq!(attempt.outcome, Outcome::Blocked, "{url}");
        assert!(!attempt.error.unwrap().contains("hunter2"), "{url}");
    }
}
