//! `POST /events/{id}/resend`.

use serde_json::json;
use thorn_core::testing::{Receiver, Reply};

use super::server::{Server, are};
use crate::app::PATIENCE;

#[tokio::test]
async fn di25_br22_each_resend_is_sent_with_the_same_id_and_the_next_number() {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    operator.subscribe("a.b", &receiver.url("/")).await;
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    let delivery = operator.deliveries(&id, are(1, "delivered", 1)).await[0]["id"].clone();
    let path = format!("/events/{id}/resend");
    for attempts in [2, 3] {
        let body = if attempts == 2 { json!({}) } else { json!({ "delivery": delivery }) };
        let answer = operator.post(&path, body).await.expect(202).json();
        assert_eq!(answer, json!({ "id": id, "deliveries": [delivery] }));
        operator.deliveries(&id, are(1, "delivered", attempts)).await;
    }
    let received = receiver.wait_for(3, PATIENCE).await.unwrap();
    assert!(received.iter().all(|request| request.header("webhook-id") == delivery.as_str().unwrap()));
    assert!(received.iter().all(|request| request.body == received[0].body));

    let unknown = "018f3c2a-0000-7000-8000-0000000000ff";
    operator.post(&format!("/events/{unknown}/resend"), json!({})).await.expect(404);
    operator.post(&path, json!({ "delivery": unknown })).await.expect(404);
    operator.post(&path, json!({ "delivery": "x" })).await.expect(400);
    operator.post(&path, json!({ "deliveries": [] })).await.expect(400);
    drop(server);
}

#[tokio::test]
async fn di25_a_dead_delivery_gets_all_of_its_retries_again_and_one_under_way_is_409() {
    let (_server, operator) = Server::with(&[("THORN_RETRY_MAX", "1"), ("THORN_RETRY_DELAY", "0.5")]).await;
    let receiver = Receiver::start().await.unwrap();
    receiver.reply(Reply::status(500));
    operator.subscribe("a.b", &receiver.url("/")).await;
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    let path = format!("/events/{id}/resend");
    let waiting = operator.deliveries(&id, are(1, "waiting", 1)).await;
    operator.post(&path, json!({})).await.expect(409);
    operator.post(&path, json!({ "delivery": waiting[0]["id"] })).await.expect(409);

    operator.deliveries(&id, are(1, "dead", 2)).await;
    operator.post(&path, json!({})).await.expect(202);
    operator.deliveries(&id, are(1, "dead", 4)).await;
    receiver.reply(Reply::status(204));
    operator.post(&path, json!({})).await.expect(202);
    operator.deliveries(&id, are(1, "delivered", 5)).await;
    assert_eq!(receiver.wait_for(5, PATIENCE).await.unwrap().len(), 5);
}

#[tokio::test]
async fn an_event_that_is_not_fanned_out_is_409_and_one_that_nobody_matched_sends_nothing() {
    let place = thorn_test_support::Place::new().await;
    let server = Server::on(place, &["--no-worker"], &[]).await;
    let operator = server.caller(server.said().into_iter().find(|line| line.starts_with("thk_")).unwrap());
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    operator.post(&format!("/events/{id}/resend"), json!({})).await.expect(409);

    let (_server, operator) = Server::start().await;
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    crate::app::eventually("the fan-out", || async {
        let shown = operator.get(&format!("/events/{id}")).await.expect(200).json();
        if shown["relayed_at"].is_string() { Ok(()) } else { Err(shown.to_string()) }
    })
    .await;
    let answer = operator.post(&format!("/events/{id}/resend"), json!({})).await.expect(202).json();
    assert_eq!(answer["deliveries"], json!([]));
}

#[tokio::test]
async fn an_owner_resends_their_own_deliveries_only() {
    let (server, operator) = Server::start().await;
    let alice = server.key(Some("alice"), "publish,read,resend,hooks");
    let (hers, ours) = (Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    alice.subscribe("a.b", &hers.url("/")).await;
    operator.subscribe("a.b", &ours.url("/")).await;
    let id = alice.publish(json!({ "event": "a.b", "data": 1 })).await;
    let all = operator.deliveries(&id, are(2, "delivered", 1)).await;
    let path = format!("/events/{id}/resend");
    let ours_id = &all.iter().find(|one| one["url"] == ours.url("/")).unwrap()["id"];
    alice.post(&path, json!({ "delivery": ours_id })).await.expect(404);
    alice.post(&path, json!({})).await.expect(202);
    alice.deliveries(&id, are(1, "delivered", 2)).await;
    assert_eq!((hers.arrived(), ours.arrived()), (2, 1));
}
