//! `outbox::write`: any number of events of any kind, as they were sent.

use std::time::Duration;

use sea_orm::TransactionTrait;
use serde_json::json;
use thorn::{Dispatch, Event, outbox};
use thorn_core::event::RenderedEvent;

use crate::app::{TestApp, Written};

/// The statements' rooms, what lies between them, and more than one holds.
const COUNTS: [usize; 10] = [1, 2, 3, 5, 17, 300, 511, 512, 513, 1100];

/// Like most; with `rare`, some have what most events have not.
fn rendered(count: usize, rare: bool) -> Vec<RenderedEvent> {
    let event = |n: usize| {
        let event = Event::new(format!("a.n{n}"));
        let event = if n.is_multiple_of(3) { event.sender(format!("Ünal's {n}")) } else { event.broadcast() };
        let event = if rare && n.is_multiple_of(2) { event.timeout(Duration::from_secs(3)) } else { event };
        event.render(&json!({ "n": n, "text": "'\"\\?$1 é\u{1f339}" })).unwrap()
    };
    (0..count).map(event).collect()
}

fn expected(event: &RenderedEvent) -> Written {
    Written {
        name: event.name.clone(),
        sender: event.sender.clone(),
        broadcast: event.broadcast,
        body: serde_json::from_str(&event.body).unwrap(),
        options: (!event.options.is_default()).then(|| serde_json::to_value(&event.options).unwrap()),
    }
}

#[tokio::test]
async fn any_number_of_events_is_written_as_they_were_sent_in_order() {
    let test = TestApp::new().await;
    for (count, rare) in COUNTS.into_iter().flat_map(|count| [(count, false), (count, true)]) {
        let events = rendered(count, rare);
        let expected: Vec<_> = events.iter().map(expected).collect();
        assert_eq!(expected.iter().any(|event| event.options.is_some()), rare);
        let txn = test.db().begin().await.unwrap();
        outbox::write(&txn, events.clone()).await.unwrap();
        txn.rollback().await.unwrap();
        assert!(test.written().await.is_empty(), "{count} {rare}");
        // On the pool, and in a transaction.
        outbox::write(test.db(), events.clone()).await.unwrap();
        assert!(test.written().await == expected, "{count} {rare}");
        let last = events.iter().map(|event| event.created_at.as_millis()).max().unwrap();
        assert_eq!(test.number("SELECT MAX(created_at) AS n FROM thorn_event").await, last);
        test.forget().await;
        let txn = test.db().begin().await.unwrap();
        outbox::write(&txn, events).await.unwrap();
        txn.commit().await.unwrap();
        assert!(test.written().await == expected, "{count} {rare}");
        let left = "SELECT COUNT(*) AS n FROM thorn_event WHERE relayed_at IS NULL AND fanout IS NULL \
                    AND registry_version IS NULL AND audit_at IS NULL AND dispatcher IS NULL";
        assert_eq!(test.number(left).await, i64::try_from(count).unwrap(), "nobody has taken them");
        test.forget().await;
    }
}

/// PostgreSQL is given arrays, in which a character that a sender may have stands for none.
#[tokio::test]
async fn a_text_may_have_any_character_in_it() {
    let test = TestApp::new().await;
    for sender in ["\u{1e}", "\u{1f}", "a\u{1e}b", "", "\\", "{}", "NULL", "\"", ","] {
        let mut events = rendered(3, false);
        events[1].sender = Some(sender.to_owned());
        events[2].sender = None;
        outbox::write(test.db(), events).await.unwrap();
        let senders: Vec<_> = test.written().await.into_iter().map(|event| event.sender).collect();
        assert_eq!(senders, [Some("Ünal's 0"), Some(sender), None].map(|sender| sender.map(str::to_owned)));
        test.forget().await;
    }
}

#[tokio::test]
async fn events_may_be_alike_or_differ_in_one_thing() {
    let test = TestApp::new().await;
    for (sender, broadcast) in [(None, true), (Some("alice"), false), (Some("\u{1f}"), true)] {
        let mut events = rendered(3, false);
        for event in &mut events {
            (event.name, event.sender, event.broadcast) = ("a.b".into(), sender.map(Into::into), broadcast);
        }
        let mut other_name = events.clone();
        other_name[2].name = "a.c".into();
        let mut other_sender = events.clone();
        other_sender[1].sender = Some("bob".into());
        let mut other_broadcast = events.clone();
        other_broadcast[0].broadcast = !broadcast;
        for events in [events, other_name, other_sender, other_broadcast] {
            let expected: Vec<_> = events.iter().map(expected).collect();
            outbox::write(test.db(), events).await.unwrap();
            assert!(test.written().await == expected, "{sender:?} {broadcast}");
            test.forget().await;
        }
    }
}

#[tokio::test]
async fn an_event_for_a_dispatcher_may_stand_among_others() {
    let test = TestApp::new().await;
    let mut events = rendered(5, false);
    events[3].dispatch = Dispatch::custom("kafka");
    events[4].dispatch = Dispatch::Disabled;
    outbox::write(test.db(), events).await.unwrap();
    assert_eq!(test.names().await, ["a.n0", "a.n1", "a.n2", "a.n3"]);
    assert_eq!(test.number("SELECT COUNT(*) AS n FROM thorn_event WHERE dispatcher = 'kafka'").await, 1);
    assert_eq!(test.number("SELECT COUNT(*) AS n FROM thorn_event WHERE dispatcher IS NULL").await, 3);
}
