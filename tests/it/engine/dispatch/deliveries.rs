//! The deliveries of a dispatch: retries, restarts, signatures, targets that are refused later.

use std::time::Duration;

use thorn::{
    signing::{Digest, Secret, hook_hmac, verify_standard},
    timestamp::Timestamp,
};
use thorn_core::testing::Reply;

use super::{FORM, dispatch, encoded, first, post, receiver};
use crate::{
    app::PATIENCE,
    engine::server::{Server, are},
};

#[tokio::test]
async fn di18_a_target_that_fails_is_tried_again_with_the_same_id_and_growing_pauses() {
    let (_server, operator) = Server::with(&[("THORN_RETRY_DELAY", "0.5")]).await;
    let target = receiver().await;
    target.reply(Reply::status(500));
    let id = dispatch(&operator, &format!("_url={}&a=1", encoded(&target.url("/")))).await;
    target.wait_for(2, PATIENCE).await.unwrap();
    target.reply(Reply::status(200));
    let received = target.wait_for(3, PATIENCE).await.unwrap();
    operator.deliveries(&id, are(1, "delivered", 3)).await;
    assert!(
        received.iter().all(|one| one.body == b"a=1" && one.header("webhook-id") == received[0].header("webhook-id"))
    );
    let pauses = [received[1].at - received[0].at, received[2].at - received[1].at];
    assert!(pauses[1] > pauses[0], "{pauses:?}");
}

#[tokio::test]
async fn di18_a_redirect_is_a_failure_and_isnt_followed() {
    let (_server, operator) = Server::with(&[("THORN_RETRY", "false")]).await;
    let elsewhere = receiver().await;
    for status in [301, 302, 303, 307, 308] {
        let target = receiver().await;
        target.reply(Reply::status(status).header("location", &elsewhere.url("/")));
        let id = dispatch(&operator, &format!("_url={}", encoded(&target.url("/")))).await;
        let rows = operator.deliveries(&id, are(1, "dead", 1)).await;
        assert_eq!(rows[0]["status"], status);
    }
    assert_eq!(elsewhere.arrived(), 0);
}

/// With the queue in the database (where one can be), and with these settings.
async fn survives_kill_9(settings: &[(&str, &str)]) {
    let (server, operator) = Server::with(settings).await;
    let target = receiver().await;
    let body = [b"\xff\0kept".as_slice(), &[b'x'; 100_000]].concat();
    post(&operator, &format!("/dispatch?_url={}", encoded(&target.url("/"))), "", &body).await.expect(202);
    let again = Server::on(server.kill(), &[], settings).await;
    assert!(first(&target).await.body == body);
    drop(again);
}

#[tokio::test]
async fn di19_a_dispatch_survives_kill_9_right_after_its_202() {
    survives_kill_9(&[]).await;
}

#[tokio::test]
async fn di19_so_it_does_with_the_queue_in_memory() {
    survives_kill_9(&[("THORN_QUEUE_URL", "memory:")]).await;
}

#[tokio::test]
async fn di19_so_it_does_with_the_queue_in_redis() {
    let Ok(url) = std::env::var("THORN_TEST_REDIS_URL") else {
        return thorn_test_support::skipped(
            "a dispatch with the queue in Redis is tested with THORN_TEST_REDIS_URL set",
        );
    };
    let name = format!("thorn-test-{}", thorn::EventId::generate());
    survives_kill_9(&[("THORN_QUEUE_URL", &url), ("THORN_QUEUE_NAME", &name)]).await;
}

#[tokio::test]
async fn di20_a_secret_signs_and_stands_in_no_log_and_no_list() {
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let (server, operator) = Server::with(&[("THORN_SECRET_KEY", key), ("RUST_LOG", "trace")]).await;
    let (signed, unsigned) = (receiver().await, receiver().await);
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let path = |target: &str| format!("/dispatch?_url={}", encoded(target));
    let headers = format!("accept: application/json\r\nthorn-secret: {secret}\r\n");
    let answer = post(&operator, &path(&signed.url("/")), &headers, b"\xffraw").await.expect(202);
    post(&operator, &path(&unsigned.url("/")), FORM, b"a=1").await.expect(202);
    let request = first(&signed).await;
    let [id, time, signature] =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| request.header(name));
    let tolerance = Duration::from_secs(300);
    verify_standard(&Secret::new(secret), id, time, signature, b"\xffraw", Timestamp::now(), tolerance).unwrap();
    assert_eq!(request.header("hook-hmac"), hook_hmac(Digest::Sha256, &Secret::new(secret), b"\xffraw"));
    let request = first(&unsigned).await;
    assert!(!request.headers.contains_key("webhook-signature") && !request.headers.contains_key("hook-hmac"));
    let event = answer.json()["id"].as_str().unwrap().to_owned();
    operator.deliveries(&event, are(1, "delivered", 1)).await;
    let mut said = server.said().concat();
    for path in
        ["/events/".to_owned(), format!("/events/{event}"), format!("/events/{event}/deliveries"), "/hooks/".to_owned()]
    {
        said.push_str(&operator.get(&path).await.expect(200).text);
    }
    said.push_str(&answer.text);
    assert!(said.contains(&event) && !said.contains(&secret[6..]), "the secret is in a log or a list");
}

#[tokio::test]
async fn di16_a_name_that_resolves_to_a_refused_address_is_blocked_without_a_connection() {
    let (_server, operator) =
        Server::with(&[("THORN_ALLOW_NETWORKS", "10.255.255.0/24"), ("THORN_RETRY", "false")]).await;
    // A name is resolved only when a connection is made.
    let id = dispatch(&operator, "_url=http%3A%2F%2Flocalhost%2F").await;
    let rows = operator.deliveries(&id, are(1, "dead", 1)).await;
    assert_eq!((&rows[0]["outcome"], &rows[0]["status"]), (&"blocked".into(), &serde_json::Value::Null), "{rows:?}");
}

#[tokio::test]
async fn di25_a_dispatch_is_sent_again_with_the_same_bytes_and_id() {
    let (_server, operator) = Server::start().await;
    let target = receiver().await;
    let id = dispatch(&operator, &format!("_url={}&a=1", encoded(&target.url("/")))).await;
    for attempts in 1..=3 {
        operator.deliveries(&id, are(1, "delivered", attempts)).await;
        if attempts < 3 {
            operator.post(&format!("/events/{id}/resend"), serde_json::json!({})).await.expect(202);
        }
    }
    let received = target.wait_for(3, PATIENCE).await.unwrap();
    assert!(
        received.iter().all(|one| one.body == b"a=1" && one.header("webhook-id") == received[0].header("webhook-id"))
    );
}
