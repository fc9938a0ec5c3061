//! Validators that an event brings apply to its own connections only.

use super::*;

fn ruled(rules: &[&str]) -> Hook {
    Hook { validators: Some(rules.iter().map(|rule| Validator::from((*rule).to_owned())).collect()), ..Hook::default() }
}

#[tokio::test]
async fn thorn_011_164_an_event_s_own_rules_bind_it_alone_even_on_kept_connections() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "ok")).await;
    let client = guarded_by(loopback().resolving_to([["127.0.0.1"]; 10]));
    let named = format!("http://a.test:{}/", receiver.address.port());
    for url in [receiver.url(), named] {
        let before = receiver.connections();
        // A delivery that may not open a connection must not use a kept connection either.
        assert_eq!(Hook::default().send(&client, &url).await.outcome, Outcome::Delivered);
        for rules in [&["protocols=https"][..], &["block-networks=127.0.0.0/8"], &["moon=1"]] {
            let attempt = ruled(rules).send(&client, &url).await;
            assert_eq!(attempt.outcome, Outcome::Blocked, "{rules:?}: {attempt:?}");
        }
        assert_eq!(Hook::default().send(&client, &url).await.outcome, Outcome::Delivered);
        assert_eq!(receiver.connections(), before + 1);
    }
}

#[tokio::test]
async fn thorn_011_an_empty_list_lifts_the_client_s_rules_but_not_the_block_of_internal_addresses() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "ok")).await;
    let https_only = loopback().validators([Validator::protocols(["https"])]);
    let client = guarded_by(https_only);
    assert_eq!(Hook::default().send(&client, &receiver.url()).await.outcome, Outcome::Blocked);
    assert_eq!(ruled(&[]).send(&client, &receiver.url()).await.outcome, Outcome::Delivered);

    let public = guarded_by(TargetGuard::new().resolving_to([["127.0.0.1"]]));
    for url in [receiver.url(), format!("http://a.test:{}/", receiver.address.port())] {
        assert_eq!(ruled(&[]).send(&public, &url).await.outcome, Outcome::Blocked);
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn connections_are_kept_for_each_list_and_lists_are_bounded() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "ok")).await;
    let client = guarded_by(loopback());
    for port in (1..=40).chain(1..=40) {
        let own = ruled(&[&format!("ports={port}")]);
        for _ in 0..2 {
            assert_eq!(own.send(&client, &receiver.url()).await.outcome, Outcome::Delivered);
        }
    }
    assert_eq!(receiver.connections(), 80);
}
