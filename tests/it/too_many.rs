//! Receivers that answer 429: they get few requests beyond what they take, and all deliveries in the end.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, http::StatusCode, routing::post};
use thorn::{
    Config,
    attempt::{DeliveryState, HoldPolicy, RetryPolicy},
    history::Delivery,
    subscription::{Access, Kept, NewSubscription, Rate, SubscriptionChange},
};
use thorn_core::testing::Reply;
use tokio::net::TcpListener;

use crate::app::{self, TestApp, eventually};

/// A receiver takes this many requests in a second.
const PER_SECOND: usize = 20;

/// A receiver that takes so many requests a second, and answers 429 beyond.
#[derive(Clone, Debug)]
struct Limiter(Arc<Mutex<Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    taken: usize,
    /// All requests so far.
    requests: usize,
}

impl Limiter {
    async fn start() -> (Self, String) {
        let limiter = Self(Arc::new(Mutex::new(Window { began: Instant::now(), taken: 0, requests: 0 })));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answering = limiter.clone();
        let app = Router::new().route("/", post(async move || answering.answer()));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (limiter, url)
    }

    fn answer(&self) -> StatusCode {
        let mut window = self.0.lock().unwrap();
        window.requests += 1;
        if window.began.elapsed() >= Duration::from_secs(1) {
            (window.began, window.taken) = (Instant::now(), 0);
        }
        if window.taken == PER_SECOND {
            return StatusCode::TOO_MANY_REQUESTS;
        }
        window.taken += 1;
        StatusCode::NO_CONTENT
    }

    fn requests(&self) -> usize {
        self.0.lock().unwrap().requests
    }
}

fn delivered(rows: &[Delivery]) -> usize {
    rows.iter().filter(|row| row.state == Some(DeliveryState::Delivered)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_takes_few_requests_a_second_gets_few_beyond_and_without_a_rate_being_set() {
    const EVENTS: usize = 300;
    let retry = RetryPolicy { jitter: 0.2, ..RetryPolicy::fixed(Duration::from_secs(1), 1_000) };
    let app = TestApp::with(Config { hold: HoldPolicy::default(), retry, ..app::config() }).await;
    let (limiter, url) = Limiter::start().await;
    let limited = app.subscribe("a.b", &url).await;
    let healthy = app.receiver().await;
    let neighbour = app.subscribe_for(Some("bob"), "a.b", &healthy.url("/")).await;
    app.send_many(EVENTS).await;
    let worker = app.worker().await;
    app.deliveries(&neighbour, app::all_delivered(EVENTS)).await;
    // It takes some twenty seconds, so each third may take as long as a test is patient.
    for part in [EVENTS / 3, EVENTS * 2 / 3] {
        app.deliveries(&limited, |rows| delivered(rows) >= part).await;
    }
    app.deliveries(&limited, app::all_delivered(EVENTS)).await;
    let requests = limiter.requests();
    assert!(requests <= EVENTS * 3 / 2, "{requests} requests for {EVENTS} deliveries");
    app.settled().await;
    worker.stop().await.unwrap();
}

/// Until when the only subscription with a rate gets nothing, in milliseconds; 0 if it isn't slowed.
async fn slowed_until(app: &TestApp) -> i64 {
    app.number("SELECT COALESCE(MAX(slowed_until), 0) FROM thorn_pace").await / 1_000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_slows_the_rate_of_a_subscription_and_not_only_one_delivery() {
    const EVENTS: usize = 20;
    // Without holds, only the rate keeps deliveries back.
    let retry = RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(50), 1_000) };
    let app = TestApp::with(Config { hold: HoldPolicy::never(), retry, ..app::config() }).await;
    let receiver = app.receiver().await;
    let new = NewSubscription::new("a.b", receiver.url("/")).rate("20/s".parse::<Rate>().unwrap());
    let limited = app.thorn.subscriptions().create(new).await.unwrap();
    receiver.reply(Reply::status(429).header("Retry-After", "2"));
    let worker = app.worker().await;
    app.send_many(EVENTS).await;
    let slowed = eventually("a slower pace", || async {
        match slowed_until(&app).await {
            0 => Err("not slowed".to_owned()),
            until => Ok(until),
        }
    })
    .await;
    // The slots of a quarter of a second may be in hand.
    let refused = receiver.arrived();
    receiver.reply(Reply::status(204));
    let rows = app.deliveries(&limited, app::all_delivered(EVENTS)).await;
    assert!(refused <= 10, "{refused} requests before the pace was slower");
    let late = rows.iter().filter(|row| row.attempted_at.unwrap().as_millis() >= slowed).count();
    assert!(late + 10 >= EVENTS, "{late} of {EVENTS} deliveries came after the wait");
    app.settled().await;

    // An owner who knows better needn't wait.
    receiver.reply(Reply::status(429).header("Retry-After", "3600"));
    app.send_many(1).await;
    eventually("an hour's wait", || async {
        let until = slowed_until(&app).await;
        if until > slowed + 3_000_000 { Ok(()) } else { Err(until.to_string()) }
    })
    .await;
    receiver.reply(Reply::status(204));
    let pause = async |change| app.thorn.subscriptions().update(Access::Operator, limited.id, change).await.unwrap();
    pause(SubscriptionChange::default().pause()).await;
    pause(SubscriptionChange::default().resume(Kept::Deliver)).await;
    app.deliveries(&limited, app::all_delivered(EVENTS + 1)).await;
    app.settled().await;
    worker.stop().await.unwrap();
}
