use sea_orm::prelude::Uuid;

use super::{recent::RECENT, *};
use crate::outbox::fixture;

/// The n-th event, of this sender.
fn event(n: u128, sender: Option<&str>) -> StoredEvent {
    fixture::event(Uuid::from_u128(n), sender, "{}")
}

/// The senders of the first `most` events of a turn, each of which has as many deliveries as `deliveries` says.
fn taken<'a>(turns: &mut Turns<'a>, most: usize, deliveries: impl Fn(&StoredEvent) -> usize) -> Vec<&'a str> {
    let mut senders = Vec::new();
    while senders.len() < most
        && let Some((turn, event)) = turns.next()
    {
        turns.took(turn, deliveries(event));
        senders.push(event.sender.as_deref().unwrap_or("-"));
    }
    senders
}

#[test]
fn senders_take_turns_by_deliveries_and_the_events_of_each_stay_in_order() {
    let mut events: Vec<_> = (0..6).map(|n| event(n, Some("alice"))).collect();
    events.extend((6..9).map(|n| event(n, Some("bob"))));
    events.push(event(9, None));
    let mut turns = Turns::new(&events);
    let mut of_alice = Vec::new();
    let mut order = Vec::new();
    while let Some((turn, event)) = turns.next() {
        let is_alice = event.sender.as_deref() == Some("alice");
        turns.took(turn, if is_alice { 2 } else { 1 });
        if is_alice {
            of_alice.push(event.id);
        }
        order.push(event.sender.as_deref().unwrap_or("-"));
    }
    assert_eq!(order, ["alice", "bob", "-", "bob", "alice", "bob", "alice", "alice", "alice", "alice"]);
    assert!(of_alice.is_sorted() && of_alice.len() == 6);
    assert_eq!(turns.last_begun(), None, "everybody had a turn");
    assert_eq!(turns.spent().map(|(_, spent)| spent).collect::<Vec<_>>(), [12, 3, 1]);
}

#[test]
fn a_turn_that_ends_early_says_who_was_last() {
    let events: Vec<_> = (0..4).map(|n| event(n, Some(["a", "b", "c", "d"][n as usize]))).collect();
    let mut turns = Turns::new(&events);
    assert_eq!(taken(&mut turns, 2, |_| 100), ["a", "b"]);
    assert_eq!(turns.last_begun(), Some(&Some("b".to_owned())));
    assert_eq!(taken(&mut turns, 2, |_| 0), ["c", "d"]);
    assert_eq!(turns.last_begun(), None);
    assert_eq!(Turns::new(&[]).last_begun(), None);
}

#[tokio::test(start_paused = true)]
async fn deliveries_are_forgotten_after_some_seconds() {
    let (mut recent, alice) = (Recent::new(), Tenant::of(Some("alice")));
    recent.add(alice, 7);
    assert_eq!((recent.of(alice), recent.of(Tenant::default())), (7, 0));
    tokio::time::advance(RECENT).await;
    recent.add(alice, 1);
    assert_eq!(recent.of(alice), 8);
    tokio::time::advance(RECENT).await;
    assert_eq!(recent.of(alice), 1);
    tokio::time::advance(RECENT).await;
    assert_eq!(recent.of(alice), 0);
    recent.add(alice, 2);
    assert_eq!(recent.of(alice), 2);
}
