//! Delivery before the call returns.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, IntoActiveModel, Schema, Set};
use thorn::{Config, Dispatch, Event, attempt::DeliveryState, attempt::Outcome, insert_many};
use thorn_core::testing::Reply;

use super::{application, articles, event, stored, unrelayed};
use crate::{
    app::{self, PATIENCE, Receiver},
    model::entities::{article::draft, note},
};

#[tokio::test(flavor = "multi_thread")]
async fn django_webhooks_d05_a_synchronous_save_is_delivered_when_it_returns() {
    let app = articles().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("article.*", &receiver.url("/")).await;
    // By the queue nothing arrives without a worker.
    draft("queued").insert(app.db()).await.unwrap();
    assert_eq!((receiver.received().len(), unrelayed(&app).await), (0, 1));

    let (saved, deliveries) = app.thorn.inline(draft("now").insert(app.db())).await;
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].json()["data"]["title"], "now");
    let hmac = thorn::signing::hook_hmac(
        subscription.spec.destination.signing.digest,
        subscription.spec.destination.signing.secret.as_ref().unwrap(),
        &received[0].body,
    );
    assert_eq!(received[0].header("hook-hmac"), hmac);
    assert_eq!(deliveries.len(), 1);
    assert_eq!((deliveries[0].state, deliveries[0].status), (Some(DeliveryState::Delivered), Some(204)));
    let rows = app.deliveries(&subscription, |rows| rows.len() == 1).await;
    assert_eq!((rows[0].id, rows[0].attempts), (deliveries[0].id, 1));

    saved.unwrap().delete(app.db()).await.unwrap();
    let (rows, deliveries) = app.thorn.inline(insert_many([draft("a"), draft("b")], app.db())).await;
    assert_eq!((rows.unwrap().len(), deliveries.len(), receiver.received().len()), (2, 2, 3));
    let status = app.thorn.status().await.unwrap();
    assert_eq!((status.unrelayed, status.waiting, status.unsettled), (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_014_an_event_s_own_dispatch_goes_first() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    event("a.queued").send(app.db(), &()).await.unwrap();
    assert_eq!(receiver.received().len(), 0);
    event("a.inline").dispatch(Dispatch::Inline).send(app.db(), &()).await.unwrap();
    assert_eq!(receiver.received().len(), 1);
    event("a.disabled").dispatch(Dispatch::Disabled).send(app.db(), &()).await.unwrap();
    assert_eq!(stored(&app).await, ["a.queued", "a.inline"]);

    let choices = [(None, 1), (Some(Dispatch::Queue), 0), (Some(Dispatch::Disabled), 0)];
    for (own, delivered) in choices {
        let event = own.into_iter().fold(event("a.b"), thorn::Event::dispatch);
        let (sent, deliveries) = app.thorn.inline(event.send(app.db(), &())).await;
        sent.unwrap();
        assert_eq!(deliveries.len(), delivered);
    }
    assert_eq!((receiver.arrived(), unrelayed(&app).await), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_122_slow_receivers_are_reached_at_once_within_a_bound() {
    let slow = Duration::from_millis(200);
    for inline_concurrency in [5, 100] {
        let app = application(Config { inline_concurrency, ..app::config() }).await;
        let receiver = app.receiver().await;
        receiver.reply(Reply::status(204).delay(slow));
        for n in 0..20 {
            app.subscribe("a.b", &receiver.url(&format!("/{n}"))).await;
        }
        let began = Instant::now();
        let sent = app.thorn.send_now(event("a.b"), &()).await.unwrap();
        let took = began.elapsed();
        assert!(sent.deliveries.iter().all(|delivery| delivery.outcome == Some(Outcome::Delivered)), "{sent:#?}");
        assert_eq!((sent.deliveries.len(), receiver.received().len()), (20, 20));
        let most = receiver.most_at_once();
        assert!((2..=inline_concurrency).contains(&most), "{most}");
        assert!(inline_concurrency == 5 || most > 5, "the bound is what bounded the other: {most}");
        assert!(inline_concurrency == 100 || took >= slow * 4, "20 requests, at most 5 at once: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_012_125_each_delivery_has_its_outcome_and_one_failure_is_nobody_else_s() {
    let app = articles().await;
    let [good, failing] = [app.receiver().await, app.receiver().await];
    let [gone, blocked] = [app.receiver().await, app.receiver().await];
    failing.reply(Reply::status(500));
    let address = |receiver: &Receiver| receiver.url("").strip_prefix("http://").unwrap().parse().unwrap();
    let allow_addresses = vec![address(&good), address(&failing), address(&gone)];
    let mut subscriptions = Vec::new();
    // The failing ones between good ones.
    for url in [good.url("/1"), blocked.url("/"), gone.url("/"), failing.url("/"), good.url("/2"), good.url("/3")] {
        subscriptions.push(app.subscribe("a.b", &url).await);
    }
    drop(gone);
    let strict = app.sibling(Config { allow_networks: Vec::new(), allow_addresses, ..app::config() }).await;
    let sent = strict.send_now(event("a.b"), &()).await.unwrap();
    app.ask_for(&sent.deliveries);
    let outcomes: Vec<_> = subscriptions
        .iter()
        .map(|to| sent.deliveries.iter().find(|delivery| delivery.subscription == to.id).unwrap().outcome.unwrap())
        .collect();
    use Outcome::{Blocked, Delivered, Rejected, Unreachable};
    assert_eq!(outcomes, [Delivered, Blocked, Unreachable, Rejected, Delivered, Delivered]);
    assert_eq!((good.received().len(), blocked.received().len()), (3, 0));
    assert!(sent.deliveries.iter().all(|delivery| delivery.event == sent.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_141_what_fails_inline_is_reported_and_retried_by_a_worker() {
    let app = articles().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    receiver.reply(Reply::status(503));
    let sent = app.thorn.send_now(event("a.b"), &()).await.unwrap();
    let delivery = &sent.deliveries[0];
    assert_eq!((delivery.outcome, delivery.status, delivery.attempts), (Some(Outcome::Rejected), Some(503), 1));
    assert_eq!(delivery.state, Some(DeliveryState::Waiting));
    assert!(delivery.next_attempt_at.is_some());
    assert_eq!(app.thorn.status().await.unwrap().waiting, 1);

    receiver.reply(Reply::status(204));
    let worker = app.worker().await;
    let rows = app.deliveries(&subscription, |rows| rows[0].state == Some(DeliveryState::Delivered)).await;
    assert_eq!((rows[0].id, rows[0].attempts), (delivery.id, 2));
    app.settled().await;
    assert_eq!(receiver.received().len(), 2);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_turn_in_time_is_left_to_a_worker() {
    let inline_timeout = Duration::from_millis(500);
    let app = application(Config { inline_concurrency: 1, inline_timeout, ..app::config() }).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(204).delay(PATIENCE));
    for n in 0..5 {
        app.subscribe("a.b", &receiver.url(&format!("/{n}"))).await;
    }
    let deliveries = app.thorn.send_now(event("a.b"), &()).await.unwrap().deliveries;
    let untried = deliveries.iter().filter(|delivery| delivery.attempts == 0).count();
    assert!(untried >= 4, "{deliveries:#?}");
    assert!(deliveries.iter().all(|delivery| delivery.state == Some(DeliveryState::Waiting)), "{deliveries:#?}");
    assert_eq!(app.thorn.status().await.unwrap().waiting, 5);
    app.ask_for(&deliveries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_doesn_t_wait_for_receivers_that_hang_and_a_worker_makes_their_deliveries() {
    let inline_timeout = Duration::from_millis(500);
    let app = application(Config { inline_timeout, ..app::config() }).await;
    let [hanging, healthy] = [app.receiver().await, app.receiver().await];
    // The caller would wait longer than the test if the attempts had only their own timeout.
    hanging.reply(Reply::status(204).delay(PATIENCE * 2));
    for n in 0..40 {
        app.subscribe("a.hangs", &hanging.url(&format!("/{n}"))).await;
    }
    app.subscribe("a.b", &healthy.url("/")).await;
    let event = |name| event(name).timeout(PATIENCE * 2);
    let (slow, quick) = tokio::join!(app.thorn.send_now(event("a.hangs"), &()), app.thorn.send_now(event("a.b"), &()));
    let slow = slow.unwrap().deliveries;
    assert_eq!(slow.len(), 40);
    assert!(slow.iter().all(|delivery| delivery.state == Some(DeliveryState::Waiting)), "{slow:#?}");
    assert!(slow.iter().any(|delivery| delivery.outcome == Some(Outcome::TimedOut)), "{slow:#?}");
    // The neighbour's delivery had its turn, or waits for a worker. It was not lost.
    let quick = quick.unwrap().deliveries;
    assert_eq!(quick.len(), 1);

    hanging.reply(Reply::status(204));
    let worker = app.worker().await;
    app.settled().await;
    let status = app.thorn.status().await.unwrap();
    assert_eq!(status.waiting, 0);
    // Its turn may come when the caller gives up. A request that is given up may have arrived, and the worker repeats it.
    let is_given_up = quick[0].outcome == Some(Outcome::TimedOut);
    let arrived = healthy.received().len();
    assert!(arrived == 1 || is_given_up && arrived == 2, "{arrived} requests, {quick:?}");
    app.ignore_the_rest();
    worker.stop().await.unwrap();
}

/// The requests of all inline delivery at once, by default.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_s_receivers_that_hang_hold_no_other_owner_s_caller() {
    let unbounded = Config { max_subscriptions: None, max_subscriptions_per_host: None, ..app::config() };
    let app = application(Config { inline_timeout: PATIENCE * 4, timeout: PATIENCE * 4, ..unbounded }).await;
    let [hanging, healthy] = [app.receiver().await, app.receiver().await];
    hanging.reply(Reply::status(204).delay(PATIENCE * 4));
    for n in 0..40 {
        app.subscribe_for(Some("alice"), "a.b", &hanging.url(&format!("/{n}"))).await;
    }
    app.subscribe_for(Some("bob"), "a.b", &healthy.url("/")).await;
    let (thorn, event) = (app.thorn.clone(), |owner: &str| Event::new("a.b").sender(owner));
    let hers = tokio::spawn(async move { thorn.send_now(event("alice"), &()).await });
    hanging.wait_for(AT_ONCE / 2, PATIENCE).await.unwrap();
    let his = app.thorn.send_now(event("bob"), &());
    let his = tokio::time::timeout(PATIENCE, his).await.expect("bob's save was held").unwrap().deliveries;
    assert_eq!((his.len(), his[0].outcome), (1, Some(Outcome::Delivered)), "{his:#?}");
    assert!(!hers.is_finished());
    assert_eq!(hanging.arrived(), AT_ONCE / 2);
    hers.abort();
    app.ignore_the_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_at_the_same_time_sends_nothing_twice() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("a.*", &receiver.url("/")).await;
    let worker = app.worker().await;
    for n in 0..40 {
        let dispatch = if n % 2 == 0 { Dispatch::Inline } else { Dispatch::Queue };
        event("a.b").dispatch(dispatch).send(app.db(), &n).await.unwrap();
    }
    app.settled().await;
    let mut received: Vec<_> = receiver.received().iter().map(|request| request.json()["data"].as_u64()).collect();
    received.sort();
    assert_eq!(received, (0..40).map(Some).collect::<Vec<_>>());
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_is_cancelled_cuts_no_delivery_off() {
    let app = articles().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    receiver.reply(Reply::status(204).delay(Duration::from_millis(300)));
    tokio::select! {
        _ = app.thorn.send_now(event("a.b"), &()) => panic!("answered too early"),
        arrived = receiver.wait_for(1, PATIENCE) => drop(arrived.unwrap()),
    }
    app.deliveries(&subscription, |rows| rows.len() == 1 && rows[0].state == Some(DeliveryState::Delivered)).await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_014_a_model_s_event_has_its_own_dispatch() {
    let app = articles().await;
    let receiver = app.receiver().await;
    let create = Schema::new(app.db().get_database_backend()).create_table_from_entity(note::Entity);
    app.db().execute(&create).await.unwrap();
    app.subscribe("note.*", &receiver.url("/")).await;
    let note = note::ActiveModel { text: Set("a".into()), ..Default::default() }.insert(app.db()).await.unwrap();
    assert_eq!(receiver.received().len(), 1);
    let mut change = note.clone().into_active_model();
    change.text = Set("b".into());
    change.update(app.db()).await.unwrap();
    note.delete(app.db()).await.unwrap();
    assert_eq!((receiver.received().len(), unrelayed(&app).await), (1, 1));
    assert_eq!(stored(&app).await, ["note.created", "note.changed"]);
}
