//! DI24: the backlog of dispatches as a list.

use serde_json::{Value, json};
use thorn_core::testing::Reply;

use super::{dispatch, encoded, receiver};
use crate::{
    app::eventually,
    engine::server::{Server, are},
};

#[tokio::test]
async fn di24_the_backlog_shows_targets_states_attempts_and_times() {
    let (server, operator) = Server::with(&[("THORN_RETRY_DELAY", "600")]).await;
    let alice = server.key(Some("alice"), "dispatch,read");
    let (good, bad) = (receiver().await, receiver().await);
    bad.reply(Reply::status(500));
    let (good_url, bad_url) = (good.url("/good"), bad.url("/bad"));
    for n in 0..3 {
        let form = format!("_url={}&_url={}&n={n}", encoded(&good_url), encoded(&bad_url));
        let id = dispatch(&operator, &form).await;
        let is_attempted = |rows: &[Value]| rows.len() == 2 && rows.iter().all(|row| row["attempts"] == 1);
        operator.deliveries(&id, is_attempted).await;
    }
    let hers = dispatch(&alice, &format!("_url={}", encoded(&good_url))).await;
    alice.deliveries(&hers, are(1, "delivered", 1)).await;
    operator.publish(json!({ "event": "other.event", "data": 1 })).await;

    let page = operator.get("/events/?name=dispatch.request&limit=2").await.expect(200);
    let events = page.json();
    assert_eq!((events.as_array().unwrap().len(), &events[0]["id"]), (2, &json!(hers)));
    assert!(page.header("link").contains("cursor="), "{page:?}");
    let targets = events[1]["targets"].as_array().unwrap();
    let of = |url: &str| targets.iter().find(|target| target["url"] == url).unwrap();
    let (to_good, to_bad) = (of(&good_url), of(&bad_url));
    assert_eq!(
        (&to_good["state"], &to_good["attempts"], &to_good["status"]),
        (&json!("delivered"), &json!(1), &json!(204))
    );
    assert_eq!((&to_bad["state"], &to_bad["attempts"], &to_bad["status"]), (&json!("waiting"), &json!(1), &json!(500)));
    assert!(to_bad["next_attempt_at"].is_string() && to_bad["attempted_at"].is_string(), "{to_bad}");
    assert!(events[1]["created_at"].is_string());

    let own = alice.get("/events/?name=dispatch.request&limit=20").await.expect(200).json();
    assert_eq!((own.as_array().unwrap().len(), &own[0]["targets"][0]["url"]), (1, &json!(good_url)));
    let all = operator.get("/events/").await.expect(200).json();
    let other = all.as_array().unwrap().iter().find(|event| event["event"] == "other.event").unwrap();
    assert_eq!(other.get("targets"), None, "an event for subscriptions may have any number of deliveries");
}

#[tokio::test]
async fn di24_a_dispatch_that_nobody_has_attempted_waits() {
    let place = thorn_test_support::Place::new().await;
    let server = Server::on(place, &["--no-worker"], &[]).await;
    let operator = server.caller(server.said().into_iter().find(|line| line.starts_with("thk_")).unwrap());
    let id = dispatch(&operator, "_url=http%3A%2F%2F127.0.0.1%3A1%2F").await;
    let listed = operator.get("/events/?name=dispatch.request").await.expect(200).json();
    let target = &listed[0]["targets"][0];
    assert_eq!((&listed[0]["id"], &target["state"], &target["attempts"]), (&json!(id), &json!("waiting"), &json!(0)));
    eventually("no delivery yet", || async {
        let rows = operator.get(&format!("/events/{id}/deliveries")).await.expect(200).json();
        if rows == json!([]) { Ok(()) } else { Err(rows.to_string()) }
    })
    .await;
}
