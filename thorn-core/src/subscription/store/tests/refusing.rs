//! Values that are refused.

use serde_json::json;

use super::fixture::{LONG_ENOUGH, URL, filtered, new_with_headers, refusal, wrong_fields};
use crate::{
    headers::ExtraHeaders,
    signing::Secret,
    spec::{Field, FieldErrorKind, SpecDraft},
    subscription::{
        access::Access,
        change::{NewSubscription, SubscriptionChange},
        fixture::{Fixture, new},
        write,
    },
};

#[tokio::test]
async fn thorn_114_every_wrong_field_is_named_and_nothing_is_written() {
    let fixture = Fixture::new().await;
    let spec = SpecDraft {
        pattern: Some(" ".into()),
        filter: Some(json!({ "state": { "equals": 1 }, "title": {} })),
        url: Some("example.com".into()),
        secret: Some(Secret::new(" \t")),
        unsigned: false,
        digest: Some("md5".into()),
        signer: Some("rot13".into()),
        content_type: Some("text/plain".into()),
        headers: Some(ExtraHeaders::from_iter([("Hook-HMAC", "x")])),
        rate: Some(Some("fast".into())),
        max_in_flight: Some(Some(65)),
        dialect: Some("websub".into()),
    };
    let bad = NewSubscription { owner: Some("x".repeat(191)), spec: spec.clone(), source: Some("x".repeat(191)) };
    let expected = [
        (Field::Owner, FieldErrorKind::TooLong),
        (Field::Pattern, FieldErrorKind::Blank),
        (Field::Filter, FieldErrorKind::Invalid),
        (Field::Filter, FieldErrorKind::Invalid),
        (Field::Url, FieldErrorKind::Invalid),
        (Field::Secret, FieldErrorKind::Blank),
        (Field::Digest, FieldErrorKind::UnknownChoice),
        (Field::Signer, FieldErrorKind::UnknownChoice),
        (Field::ContentType, FieldErrorKind::UnknownChoice),
        (Field::Headers, FieldErrorKind::Invalid),
        (Field::Rate, FieldErrorKind::Invalid),
        (Field::MaxInFlight, FieldErrorKind::Invalid),
        (Field::Dialect, FieldErrorKind::UnknownChoice),
        (Field::Source, FieldErrorKind::TooLong),
    ];
    assert_eq!(wrong_fields(fixture.subscriptions.create(bad).await), expected);
    let missing = [(Field::Pattern, FieldErrorKind::Required), (Field::Url, FieldErrorKind::Required)];
    assert_eq!(wrong_fields(fixture.subscriptions.create(NewSubscription::default()).await), missing);
    let made = fixture.create("alice", "a", URL).await;
    let change = SubscriptionChange { spec, ..SubscriptionChange::default() };
    let wrong = wrong_fields(fixture.subscriptions.update(Access::Operator, made.id, change).await);
    assert_eq!(wrong, expected[1..13]);
    assert_eq!(fixture.subscriptions.get(Access::Operator, made.id).await.unwrap(), made);
    assert_eq!(write::version(&fixture.db).await.unwrap(), 1);
}

#[tokio::test]
async fn thorn_114_118_urls() {
    let fixture = Fixture::new().await;
    let long = format!("https://example.com/{}", "x".repeat(2029));
    for (url, kind) in [
        ("", FieldErrorKind::Blank),
        (long.as_str(), FieldErrorKind::TooLong),
        ("ftp://user:hush@example.com", FieldErrorKind::Invalid),
        ("/path", FieldErrorKind::Invalid),
        ("http:example.com", FieldErrorKind::Invalid),
        ("https:\\\\example.com", FieldErrorKind::Invalid),
        ("https://", FieldErrorKind::Invalid),
        ("http:///path", FieldErrorKind::Invalid),
        ("https://:443/", FieldErrorKind::Invalid),
        ("https://@example.com/", FieldErrorKind::Invalid),
        ("https://exam%00ple.com", FieldErrorKind::Invalid),
        ("https://user@example.com", FieldErrorKind::Invalid),
        ("https://user:hush@example.com", FieldErrorKind::Invalid),
        ("https://example.com/#top", FieldErrorKind::Invalid),
        ("https://exam ple.com", FieldErrorKind::Invalid),
        ("https://example.com\n", FieldErrorKind::Invalid),
        ("https://bad.example", FieldErrorKind::Refused),
    ] {
        let refused = refusal(fixture.subscriptions.create(new("alice", "a", url)).await);
        assert_eq!((refused.errors[0].field, refused.errors[0].kind), (Field::Url, kind), "{url:?}");
        assert!(!refused.to_string().contains("hush"), "{refused}");
    }
    for url in ["HTTPS://Example.com", "http://[::1]:8080/", "https://exämple.de/ö", &long[..2048]] {
        assert_eq!(fixture.create("alice", "a", url).await.spec.destination.url, url);
    }
}

#[tokio::test]
async fn thorn_114_secrets() {
    let fixture = Fixture::new().await;
    let try_secret =
        async |event: &str, secret: &str| fixture.subscriptions.create(new("alice", event, URL).secret(secret)).await;
    let long = "x".repeat(191);
    for secret in ["", " ", "hush\nhush", long.as_str(), "whsec_hush!", "whsec_aHVzaA==", "whsec_", "enc1:hush"] {
        let refused = refusal(try_secret("a", secret).await);
        assert_eq!(refused.errors[0].field, Field::Secret, "{secret:?}");
        assert!(!refused.to_string().contains("hush") && !refused.to_string().contains("aHVz"), "{refused}");
    }
    let standard = format!("whsec_{}", "a".repeat(32));
    for (event, secret) in [("a", LONG_ENOUGH), ("b", " a secret of 24 bytes 00 "), ("c", &long[1..]), ("d", &standard)]
    {
        assert_eq!(try_secret(event, secret).await.unwrap().spec.destination.signing.secret.unwrap().expose(), secret);
    }
}

#[tokio::test]
async fn thorn_120_a_pattern_must_mean_some_choice() {
    let fixture = Fixture::new().await;
    let choices = vec!["article.created".to_owned(), "article.removed".to_owned()];
    let subscriptions = fixture.subscriptions.clone().with_event_choices(choices);
    for event in ["article.created", "article.*", "*", "*.removed"] {
        subscriptions.create(new("alice", event, URL)).await.unwrap();
    }
    for event in ["article", "user.*", "*.changed"] {
        let wrong = wrong_fields(subscriptions.create(new("alice", event, URL)).await);
        assert_eq!(wrong, [(Field::Pattern, FieldErrorKind::UnknownChoice)], "{event}");
    }
}

#[tokio::test]
async fn thorn_s_own_events_are_there_whatever_the_choices() {
    let fixture = Fixture::new().await;
    let subscriptions = fixture.subscriptions.clone().with_event_choices(vec!["article.created".into()]);
    for (event, exists) in [
        ("delivery.failed", true),
        ("subscription.*", true),
        ("delivery.delivered", false),
        // It doesn't mean thorn's own.
        ("*.failed", false),
    ] {
        let made = subscriptions.create(new("alice", event, URL)).await;
        assert_eq!(made.is_ok(), exists, "{event}: {made:?}");
    }
}

#[tokio::test]
async fn thorn_145_headers_of_a_subscription_are_checked_when_set() {
    let fixture = Fixture::new().await;
    let try_headers = async |event: &str, headers: &[(&str, &str)]| {
        let headers = headers.iter().copied().collect();
        fixture.subscriptions.create(new_with_headers(event, headers)).await
    };
    let long = "hush".repeat(2048);
    for headers in [
        &[("hook-hmac", "hush")][..],
        &[("Host", "hush")],
        &[("Content-Type", "hush")],
        &[("X-A", "hush\r\nX-B: c")],
        &[("X A", "hush")],
        &[("X-A", "hush"), ("x-a", "hush")],
        &[("X-A", &long)],
        &[("X-A", "hush"); 17],
    ] {
        let refused = refusal(try_headers("a", headers).await);
        assert!(refused.errors.iter().all(|error| error.field == Field::Headers), "{refused}");
        assert!(!refused.to_string().contains("hush"), "{refused}");
    }
    assert_eq!(wrong_fields(try_headers("a", &[("Host", "x"), ("X Y", "x"), ("X-A", "x")]).await).len(), 2);
    try_headers("a", &[("Authorization", "Bearer x"), ("X-A", &long[8000..])]).await.unwrap();
}

#[tokio::test]
async fn a_filter_that_asks_for_what_was_before_is_refused() {
    let fixture = Fixture::new().await;
    for filter in [json!({ "not": { "state": { "now_eq": "x" } } }), json!({ "state": { "changed": true } })] {
        let refused = refusal(fixture.subscriptions.create(filtered("a", filter)).await);
        assert_eq!(refused.errors[0].field, Field::Filter);
        assert!(refused.to_string().contains("`now_…` and `changed` don't work here"), "{refused}");
    }
}
