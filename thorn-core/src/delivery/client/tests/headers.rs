//! The headers and the body that go over the wire.

use super::*;
use crate::signing::{verify_hook_hmac, verify_standard};

async fn sent(hook: &Hook) -> receiver::Request {
    let receiver = Receiver::start(Reply::status("200 OK", "", "")).await;
    let attempt = hook.send(&guarded_by(loopback()), &receiver.url()).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    receiver.request()
}

fn extra(headers: &[(&str, &str)]) -> ExtraHeaders {
    let mut extra = ExtraHeaders::default();
    headers.iter().for_each(|(name, value)| extra.push((*name).to_owned(), (*value).to_owned()));
    extra
}

#[tokio::test]
async fn thorn_143_144_headers_and_body_of_a_delivery() {
    let hook = Hook { secret: Some(Secret::new("s3cr3t")), ..Hook::default() };
    let request = sent(&hook).await;
    assert_eq!(request.body, hook.body.as_bytes());
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("content-length"), "7");
    assert_eq!(request.header("hook-event"), "article.created");
    assert_eq!(request.header("hook-hmac"), "1CknQ0BJ4LjHPOiHBiI4zBxrtmRL/mbmbY3Q8wuFZ54=");
    let agent = format!("Mozilla/5.0 (compatible; thorn/{}; reqwest)", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.header("user-agent"), agent);
    assert_eq!(request.header("hook-delivery"), request.header("webhook-id"));
    assert!(request.header("hook-delivery").parse::<DeliveryId>().is_ok());
    let event: EventId = request.header("hook-event-id").parse().unwrap();
    let subscription: SubscriptionId = request.header("hook-subscription").parse().unwrap();
    assert_eq!(request.header("hook-delivery"), DeliveryId::derive(event, subscription).to_string());
    assert!(request.all("connection").is_empty());
}

#[tokio::test]
async fn thorn_143_148_a_receiver_can_verify_both_signatures_on_the_raw_bytes() {
    let hook = Hook::default();
    let secret = hook.secret.clone().unwrap();
    let request = sent(&hook).await;
    let checked = verify_hook_hmac(Digest::Sha256, &secret, &request.body, request.header("hook-hmac"));
    assert_eq!(checked, Ok(()));
    let (id, time) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let signatures = request.header("webhook-signature");
    let tolerance = Duration::from_secs(300);
    let now = Timestamp::now();
    assert_eq!(verify_standard(&secret, id, time, signatures, &request.body, now, tolerance), Ok(()));
}

#[tokio::test]
async fn thorn_145_protected_headers_are_never_overridden() {
    let headers = extra(&[
        ("hOOK-hMAC", "forged"),
        ("Hook-Event", "forged"),
        ("Hook-Anything", "forged"),
        ("webhook-id", "forged"),
        ("Webhook-Signature", "forged"),
        ("Content-Type", "forged/forged"),
        ("Host", "forged"),
        ("Content-Length", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
        ("X-Split", "a\r\nX-Forged: forged"),
        ("X Y", "forged"),
        ("X-Tenant", "green"),
        ("X-Tenant", "blue"),
        ("User-Agent", "mine/1"),
    ]);
    let request = sent(&Hook { subscription_headers: headers.clone(), headers, ..Hook::default() }).await;
    assert!(!request.head.contains("forged"), "{}", request.head);
    assert_eq!(request.header("content-length"), "7");
    assert!(request.all("transfer-encoding").is_empty() && request.all("connection").is_empty());
    assert_eq!(request.header("x-tenant"), "blue");
    assert_eq!(request.header("user-agent"), "mine/1");
}

#[tokio::test]
async fn hop_by_hop_headers_of_an_older_release_are_left_out() {
    let headers = extra(&[
        ("Keep-Alive", "forged"),
        ("Proxy-Connection", "forged"),
        ("HTTP2-Settings", "forged"),
        ("Proxy-Authorization", "forged"),
        ("TE", "forged"),
    ]);
    let request = sent(&Hook { subscription_headers: headers.clone(), headers, ..Hook::default() }).await;
    assert!(!request.head.contains("forged"), "{}", request.head);
}

#[tokio::test]
async fn responses_are_neither_asked_for_compressed_nor_decompressed() {
    // This crate's tests unify reqwest with `gzip`, as an application may.
    let text = "gzip";
    let gzipped: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 4, 0, 0xfb, 0xff, b'g', b'z', b'i', b'p', 0xf2, 0x5c, 0xe9, 0x3a, 4,
        0, 0, 0,
    ];
    let decompressing =
        reqwest::Client::builder().tls_backend_preconfigured(crate::delivery::client::tls::verified(&[]).unwrap());
    let receiver = Receiver::start(Reply::status("200 OK", "content-encoding: gzip\r\n", gzipped)).await;
    let response = decompressing.no_proxy().build().unwrap().post(receiver.url()).body(text).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), text, "the feature is on");
    assert_eq!(receiver.request().header("accept-encoding"), "gzip");

    let (attempt, receiver) = attempt(Reply::status("200 OK", "content-encoding: gzip\r\n", gzipped)).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    assert!(attempt.response.unwrap().starts_with('\u{1f}'), "the bytes as they arrived");
    assert!(receiver.request().all("accept-encoding").is_empty());
}

#[tokio::test]
async fn the_event_s_headers_win_over_the_subscription_s() {
    let subscription_headers = extra(&[("Authorization", "Bearer s"), ("X-Tenant", "green"), ("User-Agent", "s/1")]);
    let headers = extra(&[("x-tenant", "blue")]);
    let request = sent(&Hook { subscription_headers, headers, ..Hook::default() }).await;
    assert_eq!(request.all("x-tenant"), ["blue"]);
    assert_eq!((request.header("authorization"), request.header("user-agent")), ("Bearer s", "s/1"));
}

#[tokio::test]
async fn an_unsigned_delivery_has_id_and_time_but_no_signature() {
    for (secret, signatures) in [(Some(Secret::new("s")), 1), (None, 0)] {
        let request = sent(&Hook { secret, ..Hook::default() }).await;
        assert_eq!(request.all("hook-hmac").len(), signatures);
        assert_eq!(request.all("webhook-signature").len(), signatures);
        assert_eq!((request.all("webhook-id").len(), request.all("webhook-timestamp").len()), (1, 1));
    }
}

#[tokio::test]
async fn an_event_s_name_is_percent_encoded_as_in_cloud_events() {
    for (event, header) in [
        ("user.é.created", "user.%C3%A9.created"),
        ("a.b%2Ec", "a.b%252Ec"),
        ("a.\"b\"", "a.%22b%22"),
        ("a.b-c_d:e/f", "a.b-c_d:e/f"),
    ] {
        let request = sent(&Hook { event, ..Hook::default() }).await;
        assert_eq!(request.header("hook-event"), header);
    }
}
