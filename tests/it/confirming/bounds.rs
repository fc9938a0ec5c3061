//! However much one owner has asked, nobody else's endpoint waits for it.

use thorn::{
    Config,
    config::HubRates,
    subscription::{Confirm, Confirmation},
};

use super::{Answer, CONFIRMED, Endpoint, PENDING, asking, becomes};
use crate::app::{TestApp, eventually};

/// Questions to endpoints of one owner at one host at once.
const AT_ONCE: usize = 4;

/// More questions than a machine reads at once.
const ENDPOINTS: usize = 250;

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_never_answer_delay_nobody_else_s_confirmation() {
    let unbounded = Config { max_subscriptions: None, max_subscriptions_per_host: None, ..asking(Confirm::Challenge) };
    let app = TestApp::with(unbounded).await;
    let (hers, his) = (Endpoint::start(Answer::Hangs).await, Endpoint::start(Answer::SendsBack).await);
    for n in 0..ENDPOINTS {
        let url = hers.url(&format!("/{n}"));
        app.subscribe_for(Some("alice"), "a.b", &url).await;
    }
    let bobs = app.subscribe_for(Some("bob"), "a.b", &his.url("/")).await;
    let _worker = app.worker().await;
    becomes(&app, &bobs, CONFIRMED).await;
    assert!((1..=AT_ONCE).contains(&hers.questions()), "{}", hers.questions());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_questions_to_a_host_are_bounded_for_each_owner_apart() {
    let mut config = asking(Confirm::Challenge);
    config.server.hub_rates = HubRates { host: Some(3), failures: Some(2), ..HubRates::default() };
    let app = TestApp::with(config).await;
    let endpoint = Endpoint::start(Answer::SendsBack).await;
    let mut alices = Vec::new();
    for n in 0..5 {
        alices.push(app.subscribe_for(Some("alice"), "a.b", &endpoint.url(&format!("/{n}"))).await);
    }
    let _worker = app.worker().await;
    let confirmed = async || {
        let mut confirmed = 0;
        for one in &alices {
            confirmed += usize::from(app.reload(one).await.confirmation == CONFIRMED);
        }
        confirmed
    };
    eventually("three questions and no more", || async {
        let waiting = app.count("thorn_intent").await;
        let confirmed = confirmed().await;
        if (confirmed, waiting) == (3, 2) { Ok(()) } else { Err(format!("{confirmed} confirmed, {waiting} wait")) }
    })
    .await;
    let bobs = app.subscribe_for(Some("bob"), "a.b", &endpoint.url("/bob")).await;
    becomes(&app, &bobs, CONFIRMED).await;
    assert_eq!(endpoint.questions(), 4);

    // After two failures in a row, an owner's questions to the host are put off for longer than one may wait.
    endpoint.answers(Answer::Status(404));
    for n in 0..2 {
        let refused = app.subscribe_for(Some("carol"), "a.b", &endpoint.url(&format!("/carol/{n}"))).await;
        let rejected = Some(Confirmation::Refused { outcome: Some(thorn::attempt::Outcome::Rejected) });
        becomes(&app, &refused, rejected).await;
    }
    endpoint.answers(Answer::SendsBack);
    let put_off = app.subscribe_for(Some("carol"), "a.b", &endpoint.url("/carol/2")).await;
    assert_eq!(put_off.confirmation, PENDING);
    becomes(&app, &put_off, Some(Confirmation::Refused { outcome: None })).await;
    let dave = app.subscribe_for(Some("dave"), "a.b", &endpoint.url("/dave")).await;
    becomes(&app, &dave, CONFIRMED).await;
}
