//! Alice floods endpoints that answer quickly. Bob's event mustn't wait until her backlog is gone.
//!
//! The tests compare numbers of requests instead of times: how many of alice's had arrived when bob's arrived.

use std::time::{Duration, Instant};

use sea_orm::TransactionTrait as _;
use thorn::{
    Config, Event,
    attempt::{DeliveryState, RetryPolicy},
    subscription::{NewSubscription, Subscription},
};
use thorn_core::testing::Reply;
use thorn_test_support::full;

use super::{HOUR, Hole};
use crate::app::{self, PATIENCE, Receiver, TestApp};

/// A small queue, so that a small flood fills it. The reconciler takes no delivery for lost that waits for its turn.
fn config() -> Config {
    Config {
        chunk: 10,
        longest_queue: 8,
        audit_after: Duration::from_secs(30),
        max_subscriptions: None,
        max_subscriptions_per_host: None,
        ..app::config()
    }
}

/// Events of a backlog whose end a test waits for.
const FEW: usize = 5_000;

fn events() -> usize {
    if full("50,000 events") { 50_000 } else { FEW }
}

async fn send(app: &TestApp, events: usize, event: impl Fn(usize) -> Event) {
    for first in (0..events).step_by(500) {
        let txn = app.db().begin().await.unwrap();
        for n in first..events.min(first + 500) {
            event(n).send(&txn, &n).await.unwrap();
        }
        txn.commit().await.unwrap();
    }
}

async fn subscribed(app: &TestApp, owner: &str, pattern: &str, url: String) -> Subscription {
    app.thorn.subscriptions().create(NewSubscription::new(pattern, url).owner(owner)).await.unwrap()
}

/// Waits for bob's only event, and returns how many of alice's had arrived before.
async fn before_bobs(hers: &Receiver, his: &Receiver) -> usize {
    his.wait_for(1, PATIENCE).await.unwrap();
    hers.arrived()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_for_a_quick_endpoint_is_its_sender_s_trouble_alone() {
    let app = TestApp::with(config()).await;
    let (hers, his) = (app.receiver().await, app.receiver().await);
    subscribed(&app, "alice", "hers", hers.url("/")).await;
    subscribed(&app, "bob", "his", his.url("/")).await;
    let events = events();
    send(&app, events, |_| Event::new("hers").sender("alice")).await;
    let worker = app.worker().await;
    hers.wait_for(100, PATIENCE).await.unwrap();

    for (n, sender) in ["bob", "anna"].into_iter().enumerate() {
        let before = hers.arrived();
        // Anna's name comes before alice's and bob's after it. The walk goes from name to name.
        Event::new("his").sender(sender).broadcast().send(app.db(), &n).await.unwrap();
        his.wait_for(n + 1, PATIENCE).await.unwrap();
        let meanwhile = hers.arrived() - before;
        assert!(meanwhile < events / 3, "{sender}'s event waited for {meanwhile} of alice's {events}");
    }
    // Nor does the application's own event wait.
    let before = hers.arrived();
    Event::new("his").broadcast().send(app.db(), &3).await.unwrap();
    his.wait_for(3, PATIENCE).await.unwrap();
    let meanwhile = hers.arrived() - before;
    assert!(meanwhile < events / 3, "the application's event waited for {meanwhile} of alice's {events}");
    if events == FEW {
        let arrived = hers.wait_for(events, PATIENCE).await.unwrap();
        assert_eq!(arrived.len(), events, "each of hers arrives once");
    }
    app.ignore_the_rest();
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_without_a_sender_delays_no_sender() {
    let app = TestApp::with(config()).await;
    let (all, his) = (app.receiver().await, app.receiver().await);
    app.subscribe("all", &all.url("/")).await;
    subscribed(&app, "bob", "his", his.url("/")).await;
    let events = events();
    send(&app, events, |_| Event::new("all").broadcast()).await;
    let worker = app.worker().await;
    all.wait_for(100, PATIENCE).await.unwrap();
    let before = all.arrived();
    Event::new("his").sender("bob").send(app.db(), &1).await.unwrap();
    let meanwhile = before_bobs(&all, &his).await - before;
    assert!(meanwhile < events / 2, "bob's event waited for {meanwhile} of {events}");
    app.ignore_the_rest();
    worker.stop().await.unwrap();
}

const SUBSCRIPTIONS: usize = 100;

/// Due deliveries of each.
const DUE: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn due_deliveries_of_many_subscriptions_are_their_owner_s_trouble_alone() {
    let app = TestApp::with(Config { retry: RetryPolicy::fixed(HOUR, 4), disable_after: None, ..config() }).await;
    let (hers, his) = (app.receiver().await, app.receiver().await);
    for n in 0..SUBSCRIPTIONS {
        subscribed(&app, "alice", "hers", hers.url(&format!("/{n}"))).await;
    }
    let bobs = subscribed(&app, "bob", "his", his.url("/")).await;
    for receiver in [&hers, &his] {
        receiver.reply(Reply::status(503));
    }
    Event::new("his").sender("bob").send(app.db(), &1).await.unwrap();
    send(&app, DUE, |_| Event::new("hers").sender("alice")).await;
    let worker = app.worker().await;
    app::eventually("all failed", || async {
        let waiting = app.count("thorn_delivery WHERE state = 'waiting'").await;
        if waiting == (SUBSCRIPTIONS * DUE + 1) as i64 { Ok(()) } else { Err(waiting.to_string()) }
    })
    .await;
    worker.stop().await.unwrap();

    for receiver in [&hers, &his] {
        receiver.forget();
        receiver.reply(Reply::status(204));
    }
    // All of alice's are older than bob's.
    let his_row = app.thorn.history().of_subscription(bobs.id, 1).await.unwrap().remove(0);
    assert_eq!(his_row.state, Some(DeliveryState::Waiting));
    let his_id = app::literal(app.db().get_database_backend(), his_row.id.as_uuid());
    app.execute("UPDATE thorn_delivery SET next_attempt_at = 1").await;
    app.execute(&format!("UPDATE thorn_delivery SET next_attempt_at = 2 WHERE id = {his_id}")).await;
    let worker = app.worker().await;
    let before = before_bobs(&hers, &his).await;
    assert!(before < SUBSCRIPTIONS * DUE / 4, "bob's delivery waited for {before} of alice's");
    hers.wait_for(SUBSCRIPTIONS * DUE, PATIENCE).await.unwrap();
    app.ignore_the_rest();
    worker.stop().await.unwrap();
}

/// After this time, a task whose requests hang leaves its place on the queue to another task, see `docs/operating.md`.
const HANGS: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_full_of_one_sender_s_tasks_has_room_for_another_s() {
    let mut tried = Vec::new();
    // A busy machine may take so long that alice's tasks leave their places, and then the test shows nothing.
    while tried.len() < 8 {
        let Err(took) = bob_s_event_arrives_while_the_queue_is_full().await else { return };
        tried.push(took);
    }
    panic!("too slow for the test: {tried:?}");
}

/// Fails if bob's event waits. Returns how long all of it took, if that was too long to show anything.
async fn bob_s_event_arrives_while_the_queue_is_full() -> Result<(), Duration> {
    let config = config();
    let room = config.longest_queue * config.chunk;
    let app = TestApp::with(Config { timeout: HOUR, ..config }).await;
    let (hole, his) = (Hole::dig().await, app.receiver().await);
    // As many endpoints as it takes for each request to begin, and so to keep its task on the queue.
    let endpoints = room / 10;
    for n in 0..endpoints {
        let url = format!("http://127.0.1.{}:{}/", 1 + n, hole.port);
        subscribed(&app, "alice", &format!("hers.n{n}"), url).await;
    }
    subscribed(&app, "bob", "his", his.url("/")).await;
    // The next turn with room for anybody would take all that are left.
    let left = room / 2;
    send(&app, room + left, |n| Event::new(format!("hers.n{}", n % endpoints)).sender("alice")).await;
    app.ignore_the_rest();
    let began = Instant::now();
    let _worker = app.worker().await;
    app::eventually("a full queue", || async {
        let open = hole.open();
        if open >= room { Ok(()) } else { Err(format!("{open} requests")) }
    })
    .await;
    Event::new("his").sender("bob").send(app.db(), &1).await.unwrap();
    his.wait_for(1, PATIENCE).await.unwrap();
    let unrelayed = app.thorn.status().await.unwrap().unrelayed;
    let took = began.elapsed();
    if took >= HANGS && unrelayed < left as u64 {
        return Err(took);
    }
    assert_eq!(unrelayed, left as u64, "bob's event waited until the queue had room for alice's");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_of_many_senders_arrives_once_whichever_relay_takes_it() {
    const OF_ALICE: usize = 1_500;
    const ALL: usize = 2_500;
    let app = TestApp::with(config()).await;
    let receiver = app.receiver().await;
    app.subscribe("all", &receiver.url("/")).await;
    // The others have few events each, so several of them share a step of a walk, and the last of them is cut.
    let sender = |n: usize| if n < OF_ALICE { "alice".to_owned() } else { format!("sender {}", n % 90) };
    send(&app, ALL, |n| Event::new("all").sender(sender(n))).await;
    let second = app.sibling(config()).await;
    let workers = [app.worker().await, second.start_worker().await.unwrap()];
    receiver.wait_for(ALL, PATIENCE).await.unwrap();
    app.relayed().await;
    assert_eq!(receiver.different_and_repeated(), (ALL, 0));
    app.ignore_the_rest();
    for worker in workers {
        worker.stop().await.unwrap();
    }
}
