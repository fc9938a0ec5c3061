//! Confirmation: an owner's endpoint gets deliveries only once it has said that it wants them.

mod bounds;
mod endpoint;
mod webhooks;

use thorn::{
    Config, Event,
    attempt::{DeliveryState, Outcome},
    config::HubRates,
    subscription::{
        Access, ConfiguredSubscription, Confirm, Confirmation, NewSubscription, Subscription, SubscriptionChange,
    },
    timestamp::Timestamp,
};

use self::endpoint::{Answer, Endpoint};
use crate::app::{self, TestApp, eventually};

const REJECTED: Option<Confirmation> = Some(Confirmation::Refused { outcome: Some(Outcome::Rejected) });
const PENDING: Option<Confirmation> = Some(Confirmation::Pending);
const CONFIRMED: Option<Confirmation> = Some(Confirmation::Confirmed);

fn asking(confirm: Confirm) -> Config {
    let mut config = Config { confirm, ..app::config() };
    config.server.hub_rates = HubRates { host: None, failures: None, ..HubRates::default() };
    config
}

async fn becomes(app: &TestApp, one: &Subscription, wished: Option<Confirmation>) {
    eventually("the confirmation", || async {
        let confirmation = app.reload(one).await.confirmation;
        if confirmation == wished { Ok(()) } else { Err(format!("{confirmation:?} instead of {wished:?}")) }
    })
    .await;
}

async fn send(app: &TestApp) {
    Event::new("a.b").sender("alice").send(app.db(), &1).await.unwrap();
}

/// Lets the next question come that waits for longer than a question takes.
async fn end_the_wait(app: &TestApp) {
    let later = Timestamp::now().as_millis() + 60_000;
    app.execute(&format!("UPDATE thorn_intent SET due = 0 WHERE due > {later}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_the_challenge_is_sent_back_is_kept_and_follows_then() {
    let app = TestApp::with(asking(Confirm::Challenge)).await;
    let endpoint = Endpoint::start(Answer::Status(503)).await;
    let alices = app.subscribe_for(Some("alice"), "a.b", &endpoint.url("/")).await;
    assert_eq!(alices.confirmation, PENDING);
    send(&app).await;
    let _workers = [app.worker().await, app.worker().await];
    app.deliveries(&alices, |rows| {
        matches!(rows, [one] if one.state == Some(DeliveryState::Waiting) && one.attempts == 0 && one.next_attempt_at.is_none())
    })
    .await;
    eventually("the first question", || async {
        if endpoint.questions() > 0 { Ok(()) } else { Err("none".to_owned()) }
    })
    .await;
    assert_eq!((app.reload(&alices).await.confirmation, endpoint.deliveries()), (PENDING, 0));
    endpoint.answers(Answer::SendsBack);
    becomes(&app, &alices, CONFIRMED).await;
    send(&app).await;
    app.deliveries(&alices, app::all_delivered(2)).await;
    assert_eq!((endpoint.deliveries(), app.count("thorn_intent").await), (2, 0));
    app.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_challenge_alone_confirms_and_asking_again_gives_another_chance() {
    let app = TestApp::with(asking(Confirm::Challenge)).await;
    let _worker = app.worker().await;
    for answer in [
        Answer::Status(404),
        Answer::Status(200),
        Answer::Status(302),
        Answer::SendsAllBack,
        Answer::SendsBackALine,
        Answer::SendsBackTheLastOne,
    ] {
        let endpoint = Endpoint::start(answer).await;
        let alices = app.subscribe_for(Some("alice"), "a.b", &endpoint.url("/")).await;
        becomes(&app, &alices, REJECTED).await;
        assert_eq!((endpoint.questions(), endpoint.deliveries()), (1, 0), "{answer:?}");
        app.unsubscribe(&alices).await;
    }

    let endpoint = Endpoint::start(Answer::Status(404)).await;
    let alices = app.subscribe_for(Some("alice"), "a.b", &endpoint.url("/")).await;
    becomes(&app, &alices, REJECTED).await;
    // What comes after a refusal is no delivery.
    let witness = app.receiver().await;
    app.subscribe("a.b", &witness.url("/")).await;
    send(&app).await;
    witness.wait_for(1, app::PATIENCE).await.unwrap();
    assert_eq!(app.thorn.history().of_subscription(alices.id, 10).await.unwrap(), []);

    endpoint.answers(Answer::SendsBack);
    let subscriptions = app.thorn.subscriptions();
    assert!(subscriptions.confirm(Access::Owner("bob"), alices.id).await.is_err());
    let asked = subscriptions.confirm(Access::Owner("alice"), alices.id).await.unwrap();
    assert_eq!(asked.confirmation, PENDING);
    becomes(&app, &alices, CONFIRMED).await;
    let again = subscriptions.confirm(Access::Owner("alice"), alices.id).await.unwrap();
    assert_eq!((again.confirmation, app.count("thorn_intent").await), (CONFIRMED, 0));
    send(&app).await;
    app.deliveries(&alices, app::all_delivered(1)).await;
    app.ignore_the_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_deliveries_are_cancelled_when_the_endpoint_refuses() {
    let app = TestApp::with(asking(Confirm::Challenge)).await;
    let endpoint = Endpoint::start(Answer::Status(503)).await;
    let alices = app.subscribe_for(Some("alice"), "a.b", &endpoint.url("/")).await;
    send(&app).await;
    let _worker = app.worker().await;
    let kept =
        |row: &thorn::history::Delivery| row.state == Some(DeliveryState::Waiting) && row.next_attempt_at.is_none();
    app.deliveries(&alices, |rows| matches!(rows, [one] if kept(one))).await;
    endpoint.answers(Answer::Status(403));
    becomes(&app, &alices, REJECTED).await;
    app.deliveries(&alices, |rows| matches!(rows, [one] if one.state == Some(DeliveryState::Cancelled))).await;
    assert_eq!(endpoint.deliveries(), 0);
    app.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_says_neither_is_asked_three_times_and_then_refused() {
    let app = TestApp::with(asking(Confirm::Challenge)).await;
    let _worker = app.worker().await;
    let endpoint = Endpoint::start(Answer::Status(500)).await;
    let alices = app.subscribe_for(Some("alice"), "a.b", &endpoint.url("/")).await;
    eventually("the refusal", || async {
        end_the_wait(&app).await;
        match app.reload(&alices).await.confirmation {
            REJECTED => Ok(()),
            other => Err(format!("{other:?} after {} questions", endpoint.questions())),
        }
    })
    .await;
    assert_eq!((endpoint.questions(), endpoint.different_ids()), (3, 3));
    assert_eq!(app.count("thorn_intent").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_stands_before_every_question() {
    for confirm in [Confirm::Challenge, Confirm::Options] {
        let app = TestApp::with(asking(confirm)).await;
        let endpoint = Endpoint::start(Answer::SendsBack).await;
        let alices = app.subscribe_for(Some("alice"), "a.b", &endpoint.url("/")).await;
        let guarded = app.sibling(Config { allow_networks: Vec::new(), ..asking(confirm) }).await;
        let _worker = guarded.start_worker().await.unwrap();
        becomes(&app, &alices, Some(Confirmation::Refused { outcome: Some(Outcome::Blocked) })).await;
        assert_eq!(endpoint.questions(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_url_is_asked_and_another_change_isn_t() {
    let app = TestApp::with(asking(Confirm::Challenge)).await;
    let (old, new) = (Endpoint::start(Answer::SendsBack).await, Endpoint::start(Answer::Status(404)).await);
    let subscriptions = app.thorn.subscriptions();
    let alices = app.subscribe_for(Some("alice"), "a.b", &old.url("/")).await;
    let worker = app.worker().await;
    becomes(&app, &alices, CONFIRMED).await;
    let change = async |change: SubscriptionChange| {
        subscriptions.update(Access::Owner("alice"), alices.id, change).await.unwrap().confirmation
    };
    let same = SubscriptionChange::default().url(old.url("/")).pattern("a.*").secret("another-secret-of-alice-s");
    assert_eq!(change(same).await, CONFIRMED);
    assert_eq!(change(SubscriptionChange::default().url(new.url("/"))).await, PENDING);
    becomes(&app, &alices, REJECTED).await;
    worker.stop().await.unwrap();

    // A URL that is back is asked again. One answer is for all that wait for it.
    assert_eq!(app.subscribe_for(Some("alice"), "c", &old.url("/")).await.confirmation, PENDING);
    assert_eq!(change(SubscriptionChange::default().url(old.url("/"))).await, PENDING);
    let asked = app.text("SELECT callback AS text FROM thorn_intent ORDER BY callback").await;
    assert_eq!(asked, [old.url("/"), old.url("/")]);
    let _worker = app.worker().await;
    becomes(&app, &alices, CONFIRMED).await;
    assert_eq!(app.count("thorn_intent").await, 0, "the answer was for both");
    let questions = old.questions();
    assert_eq!(app.subscribe_for(Some("alice"), "d", &old.url("/")).await.confirmation, CONFIRMED);
    assert_eq!(app.subscribe_for(Some("bob"), "d", &old.url("/")).await.confirmation, PENDING);
    assert_eq!(app.subscribe_for(Some("alice"), "d", &old.url("/2")).await.confirmation, PENDING);
    eventually("questions to bob's endpoint and alice's other one", || async {
        match old.questions() - questions {
            2 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    let moved = subscriptions.update(Access::Operator, alices.id, SubscriptionChange::default().url(new.url("/x")));
    assert_eq!(moved.await.unwrap().confirmation, None, "an operator vouches for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_an_earlier_question_counts_for_nothing() {
    let app = TestApp::with(asking(Confirm::Challenge)).await;
    let _worker = app.worker().await;
    let (old, new) = (Endpoint::start(Answer::Waits).await, Endpoint::start(Answer::Waits).await);
    let alices = app.subscribe_for(Some("alice"), "a.b", &old.url("/")).await;
    let asked = async |endpoint: &Endpoint| {
        eventually("the question", || async {
            if endpoint.questions() == 1 { Ok(()) } else { Err(endpoint.questions().to_string()) }
        })
        .await;
    };
    asked(&old).await;
    app.change(&alices, SubscriptionChange::default().enabled(false)).await;
    let url = SubscriptionChange::default().url(new.url("/")).enabled(true);
    app.thorn.subscriptions().update(Access::Owner("alice"), alices.id, url).await.unwrap();
    asked(&new).await;
    old.answers(Answer::SendsBack);
    old.has_answered().await;
    assert_eq!(app.reload(&alices).await.confirmation, PENDING);
    new.answers(Answer::Status(404));
    becomes(&app, &alices, REJECTED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_s_and_a_configured_subscription_are_exempt_and_so_are_all_without_the_setting() {
    let app = TestApp::with(asking(Confirm::Challenge)).await;
    let receiver = app.receiver().await;
    let global = app.subscribe("a.b", &receiver.url("/global")).await;
    let list = [ConfiguredSubscription::unsigned("a.b", receiver.url("/configured")).owner("alice")];
    app.thorn.configure_subscriptions("blog", list).await.unwrap();
    let off = app.sibling(app::config()).await;
    let new = NewSubscription::new("a.b", receiver.url("/off")).owner("alice");
    let without = off.subscriptions().create(new).await.unwrap();
    assert_eq!((global.confirmation, without.confirmation), (None, None));
    let _worker = app.worker().await;
    send(&app).await;
    let received = receiver.wait_for(3, app::PATIENCE).await.unwrap();
    assert!(received.iter().all(|request| request.json()["event"] == "a.b"), "{received:?}");
    app.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_of_cloud_events_confirms_as_well() {
    let config = Config { base_url: Some("https://app.example".to_owned()), ..asking(Confirm::Options) };
    let app = TestApp::with(config).await;
    let _worker = app.worker().await;
    for (answer, wished) in [
        (Answer::Allows("app.example"), CONFIRMED),
        (Answer::Allows("*"), CONFIRMED),
        (Answer::Allows("other.example"), REJECTED),
        (Answer::Status(204), REJECTED),
        (Answer::Status(405), REJECTED),
    ] {
        let endpoint = Endpoint::start(answer).await;
        let alices = app.subscribe_for(Some("alice"), "a.b", &endpoint.url("/")).await;
        becomes(&app, &alices, wished).await;
        assert_eq!(endpoint.questions(), 1, "{answer:?}");
        app.unsubscribe(&alices).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_subscription_is_asked_about_no_more() {
    let app = TestApp::with(asking(Confirm::Challenge)).await;
    let endpoint = Endpoint::start(Answer::SendsBack).await;
    let alices = app.subscribe_for(Some("alice"), "a.b", &endpoint.url("/")).await;
    app.unsubscribe(&alices).await;
    let _worker = app.worker().await;
    eventually("the end of the question", || async {
        if app.count("thorn_intent").await == 0 { Ok(()) } else { Err("it is there".to_owned()) }
    })
    .await;
    assert_eq!(endpoint.questions(), 0);
}
