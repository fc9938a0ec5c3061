use std::time::Duration;

use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::{
    error::Error,
    filter::Q,
    headers::ExtraHeaders,
    id::SubscriptionId,
    signing::{Digest, Secret, Signer},
    spec::{ContentType, Field, FieldErrorKind, InvalidSubscription},
    subscription::{
        access::{Access, Page},
        change::{NewSubscription, SubscriptionChange},
        entry::Subscription,
        fixture::{Fixture, key, new},
        write,
    },
    tables::subscription::{Column, Entity},
    timestamp::Timestamp,
};

const URL: &str = "https://example.com/Hook?a=%20b";

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> InvalidSubscription {
    match result {
        Err(Error::Subscription(invalid)) => invalid,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn wrong_fields<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<(Field, FieldErrorKind)> {
    refusal(result).errors.into_iter().map(|error| (error.field, error.kind)).collect()
}

fn is_missing<T: std::fmt::Debug>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound { what: "subscription", .. }))
}

#[tokio::test]
async fn thorn_084_086_a_new_subscription_has_defaults_and_keeps_its_url() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "article.*", URL).await;
    assert_eq!(made.destination.url, URL);
    assert_eq!((made.destination.signing.digest, made.destination.content_type), (Digest::Sha256, ContentType::Json));
    let secret = made.destination.signing.secret.as_ref().unwrap().expose();
    assert!(secret.starts_with("whsec_"));
    assert_eq!((made.created_version, made.version), (1, 1));
    assert_eq!(fixture.subscriptions.get(Access::Owner("alice"), made.id).await.unwrap(), made);
    assert!(!format!("{made:?}").contains(secret));
}

#[tokio::test]
async fn thorn_089_unique_per_owner_url_event() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.*", URL).await;
    let duplicate = [(Field::Several, FieldErrorKind::Duplicate)];
    assert_eq!(wrong_fields(fixture.subscriptions.create(new("alice", "a.*", URL)).await), duplicate);
    fixture.create("bob", "a.*", URL).await;
    fixture.subscriptions.create(NewSubscription { owner: None, ..new("", "a.*", URL) }).await.unwrap();
    let other = fixture.create("alice", "a.b", URL).await;
    let same = SubscriptionChange { pattern: Some("a.*".into()), ..SubscriptionChange::default() };
    let access = Access::Owner("alice");
    assert_eq!(wrong_fields(fixture.subscriptions.update(access, other.id, same.clone()).await), duplicate);
    // Once deleted it may be made again.
    fixture.subscriptions.delete(access, made.id).await.unwrap();
    fixture.subscriptions.update(access, other.id, same).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_089_of_the_same_made_at_once_one_remains() {
    let fixture = Fixture::new().await;
    let create = || {
        let subscriptions = fixture.subscriptions.clone();
        tokio::spawn(async move { subscriptions.create(new("alice", "a.*", URL)).await })
    };
    let made: Vec<_> = join_all((0..12).map(|_| create())).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.iter().filter(|one| one.is_ok()).count(), 1);
    for refused in made.into_iter().filter(Result::is_err) {
        assert_eq!(wrong_fields(refused), [(Field::Several, FieldErrorKind::Duplicate)]);
    }
    assert_eq!(Entity::find().count(&fixture.db).await.unwrap(), 1);
    assert_eq!(write::version(&fixture.db).await.unwrap(), 1, "what was refused took no version");
}

#[tokio::test]
async fn thorn_090_107_lists_by_url_newest_first_in_pages() {
    let fixture = Fixture::new().await;
    let mut made = Vec::new();
    for (event, url) in [("a", "https://b/"), ("a", "https://a/"), ("b", "https://b/"), ("c", "https://b/")] {
        made.push(fixture.create("alice", event, url).await.id);
    }
    fixture.create("bob", "a", "https://a/").await;
    let expected = [made[1], made[3], made[2], made[0]];
    let page = async |after, limit| -> Vec<SubscriptionId> {
        let rows = fixture.subscriptions.list(Access::Owner("alice"), Page { after, limit }).await.unwrap();
        rows.iter().map(|row| row.id).collect()
    };
    assert_eq!(page(None, u64::MAX).await, expected);
    assert_eq!(page(None, 2).await, expected[..2]);
    fixture.subscriptions.delete(Access::Operator, expected[1]).await.unwrap();
    assert_eq!(page(Some(expected[1]), 1).await, expected[2..3], "a deleted one still marks its place");
    assert_eq!(page(Some(expected[2]), 9).await, expected[3..]);
    assert_eq!(page(Some(expected[3]), 9).await, []);
    assert_eq!(fixture.subscriptions.list(Access::Operator, Page::default()).await.unwrap().len(), 4);
    let foreign = Page { after: Some(made[0]), limit: 1 };
    assert!(is_missing(&fixture.subscriptions.list(Access::Owner("bob"), foreign).await));
}

#[tokio::test]
async fn thorn_110_foreign_subscriptions_do_not_exist() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.*", URL).await;
    let subscriptions = &fixture.subscriptions;
    let foreign = Access::Owner("bob");
    assert!(is_missing(&subscriptions.get(foreign, made.id).await));
    assert!(is_missing(&subscriptions.update(foreign, made.id, SubscriptionChange::default()).await));
    let bad = SubscriptionChange { url: Some("nonsense".into()), ..SubscriptionChange::default() };
    assert!(is_missing(&subscriptions.update(foreign, made.id, bad).await), "the answer betrays nothing");
    assert!(is_missing(&subscriptions.delete(foreign, made.id).await));
    assert!(subscriptions.list(foreign, Page::default()).await.unwrap().is_empty());
    let global = NewSubscription { owner: None, ..new("", "a", URL) };
    let global = subscriptions.create(global).await.unwrap();
    assert!(is_missing(&subscriptions.get(Access::Owner("alice"), global.id).await), "operators' are theirs alone");
    assert_eq!(subscriptions.get(Access::Operator, made.id).await.unwrap(), made);
}

#[tokio::test]
async fn thorn_111_112_a_change_leaves_the_rest_and_round_trips() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.*", URL).await;
    let access = Access::Owner("alice");
    let change = SubscriptionChange { digest: Some("SHA512".into()), ..SubscriptionChange::default() };
    let changed = fixture.subscriptions.update(access, made.id, change).await.unwrap();
    assert_eq!((changed.destination.signing.digest, changed.version, changed.created_version), (Digest::Sha512, 2, 1));
    assert_eq!(
        (&changed.destination.signing.secret, &changed.pattern, &changed.destination.url),
        (&made.destination.signing.secret, &made.pattern, &made.destination.url)
    );
    let back = SubscriptionChange {
        pattern: Some(changed.pattern.to_string()),
        filter: Some(Value::Null),
        url: Some(changed.destination.url.clone()),
        secret: changed.destination.signing.secret.as_ref().map(|secret| secret.expose().to_owned()),
        unsigned: false,
        digest: Some(changed.destination.signing.digest.to_string()),
        signer: Some(changed.destination.signing.signer.to_string()),
        content_type: Some(changed.destination.content_type.to_string()),
        headers: Some(changed.destination.headers.clone()),
        enabled: Some(true),
    };
    assert!(!format!("{back:?}").contains(changed.destination.signing.secret.as_ref().unwrap().expose()));
    fixture.subscriptions.update(access, made.id, back).await.unwrap();
    let read = fixture.subscriptions.get(access, made.id).await.unwrap();
    assert!(read.updated_at >= changed.updated_at && read.version == 3);
    assert_eq!(Subscription { updated_at: changed.updated_at, version: 2, ..read }, changed);
}

#[tokio::test]
async fn thorn_113_deleted_once_and_wiped() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.*", URL).await;
    let subscriptions = &fixture.subscriptions;
    let access = Access::Owner("alice");
    subscriptions.delete(access, made.id).await.unwrap();
    assert!(is_missing(&subscriptions.delete(access, made.id).await));
    assert!(is_missing(&subscriptions.get(Access::Operator, made.id).await));
    assert!(is_missing(&subscriptions.update(access, made.id, SubscriptionChange::default()).await));
    subscriptions.disable(made.id, "too late").await.unwrap();
    let row = fixture.row(&made).await;
    assert!(row.deleted_at.is_some() && row.disabled_at.is_none());
    assert_eq!((row.secret.as_str(), row.identity, row.version), ("", None, 2));
}

#[tokio::test]
async fn thorn_114_every_wrong_field_is_named_and_nothing_is_written() {
    let fixture = Fixture::new().await;
    let bad = NewSubscription {
        owner: Some("x".repeat(191)),
        pattern: " ".into(),
        filter: Some(json!({ "state": { "equals": 1 }, "title": {} })),
        url: "example.com".into(),
        secret: Some(" \t".into()),
        unsigned: false,
        digest: Some("md5".into()),
        signer: Some("rot13".into()),
        content_type: Some("text/plain".into()),
        headers: ExtraHeaders::from_iter([("Hook-HMAC", "x")]),
        source: Some("x".repeat(191)),
    };
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
        (Field::Source, FieldErrorKind::TooLong),
    ];
    assert_eq!(wrong_fields(fixture.subscriptions.create(bad.clone()).await), expected);
    let made = fixture.create("alice", "a", URL).await;
    let change = SubscriptionChange {
        pattern: Some(bad.pattern),
        filter: bad.filter,
        url: Some(bad.url),
        secret: bad.secret,
        digest: bad.digest,
        signer: bad.signer,
        headers: Some(bad.headers),
        ..SubscriptionChange::default()
    };
    let wrong = wrong_fields(fixture.subscriptions.update(Access::Operator, made.id, change).await);
    assert_eq!(wrong.len(), 8);
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
        assert_eq!(fixture.create("alice", "a", url).await.destination.url, url);
    }
}

#[tokio::test]
async fn thorn_112_a_url_that_stays_is_not_asked_for_again() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a", URL).await;
    // As if the name had stopped resolving.
    fixture.tamper(&made, Column::Url, "https://bad.example/").await;
    let change = |url: &str| SubscriptionChange { url: Some(url.to_owned()), ..SubscriptionChange::default() };
    let access = Access::Owner("alice");
    fixture.subscriptions.update(access, made.id, change("https://bad.example/")).await.unwrap();
    let other = fixture.subscriptions.update(access, made.id, change("https://bad.example/other")).await;
    assert_eq!(wrong_fields(other), [(Field::Url, FieldErrorKind::Refused)]);
}

#[tokio::test]
async fn thorn_114_secrets() {
    let fixture = Fixture::new().await;
    let try_secret = async |event: &str, secret: &str| {
        let secret = Some(secret.to_owned());
        fixture.subscriptions.create(NewSubscription { secret, ..new("alice", event, URL) }).await
    };
    let long = "x".repeat(191);
    for secret in ["", " ", "hush\nhush", long.as_str(), "whsec_hush!", "whsec_aHVzaA==", "whsec_", "enc1:hush"] {
        let refused = refusal(try_secret("a", secret).await);
        assert_eq!(refused.errors[0].field, Field::Secret, "{secret:?}");
        assert!(!refused.to_string().contains("hush") && !refused.to_string().contains("aHVz"), "{refused}");
    }
    let standard = format!("whsec_{}", "a".repeat(32));
    for (event, secret) in [("a", "x"), ("b", " a b "), ("c", &long[1..]), ("d", &standard)] {
        assert_eq!(try_secret(event, secret).await.unwrap().destination.signing.secret.unwrap().expose(), secret);
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
async fn disabled_by_the_system_and_enabled_again() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.*", URL).await;
    let subscriptions = &fixture.subscriptions;
    subscriptions.disable(made.id, &"gone ".repeat(50)).await.unwrap();
    let disabled = subscriptions.get(Access::Operator, made.id).await.unwrap();
    assert_eq!(disabled.disabled.as_ref().unwrap().reason.len(), 190);
    subscriptions.disable(made.id, "another reason").await.unwrap();
    assert_eq!(subscriptions.get(Access::Operator, made.id).await.unwrap(), disabled, "the first reason stays");
    let enable = SubscriptionChange { enabled: Some(true), ..SubscriptionChange::default() };
    let enabled = subscriptions.update(Access::Owner("alice"), made.id, enable).await.unwrap();
    assert_eq!((enabled.disabled, enabled.version), (None, 3));
    let silence = SubscriptionChange { enabled: Some(false), ..SubscriptionChange::default() };
    assert!(subscriptions.update(Access::Owner("alice"), made.id, silence).await.unwrap().disabled.is_some());
    assert!(is_missing(&subscriptions.disable(SubscriptionId::generate(), "who?").await));
}

#[tokio::test]
async fn who_judges_by_what_it_knew_disables_nothing_that_has_succeeded_since() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.b", "https://a.example/").await;
    let (now, patience) = (Timestamp::now(), Duration::from_secs(60));
    let read = || async { fixture.subscriptions.get(Access::Operator, made.id).await.unwrap() };
    fixture.subscriptions.failed(&made, now, Some(patience)).await.unwrap();
    let failing = read().await;
    assert_eq!(failing.failing_since, Some(now));
    // One of a chunk's two deliveries succeeds, then the other one fails.
    fixture.subscriptions.succeeded(failing.id).await.unwrap();
    fixture.subscriptions.failed(&failing, now + patience, Some(patience)).await.unwrap();
    let since = read().await;
    assert_eq!((since.disabled, since.failing_since), (None, None));
    // Without a success it is the end.
    fixture.subscriptions.failed(&made, now, Some(patience)).await.unwrap();
    fixture.subscriptions.failed(&failing, now + patience, Some(patience)).await.unwrap();
    assert!(read().await.disabled.is_some());
}

#[tokio::test]
async fn with_a_key_the_table_holds_no_readable_secret() {
    let fixture = Fixture::new().await;
    let plain = fixture.create("alice", "a", URL).await;
    let sealing = fixture.with_key(&key(1));
    let made = sealing.create(new("alice", "b", URL)).await.unwrap();
    assert!(fixture.row(&made).await.secret.starts_with("enc1:"));
    assert_eq!(sealing.get(Access::Operator, made.id).await.unwrap(), made);
    assert_eq!(sealing.get(Access::Operator, plain.id).await.unwrap(), plain);
    // A change seals what was plain.
    sealing.update(Access::Operator, plain.id, SubscriptionChange::default()).await.unwrap();
    assert!(fixture.row(&plain).await.secret.starts_with("enc1:"));
    assert_eq!(
        sealing.get(Access::Operator, plain.id).await.unwrap().destination.signing.secret,
        plain.destination.signing.secret
    );

    let wrong = fixture.with_key(&key(2));
    let error = wrong.get(Access::Operator, made.id).await.unwrap_err();
    assert!(matches!(error, Error::Secret(_)) && error.to_string().contains(&made.id.to_string()), "{error}");
    let change = SubscriptionChange { pattern: Some("c".into()), ..SubscriptionChange::default() };
    assert!(wrong.update(Access::Operator, made.id, change.clone()).await.is_err());
    // A new secret mends it.
    let mend = SubscriptionChange { secret: Some("new".into()), ..change };
    let mended = wrong.update(Access::Operator, made.id, mend).await.unwrap();
    assert_eq!(wrong.get(Access::Operator, made.id).await.unwrap(), mended);
}

#[tokio::test]
async fn unsigned_only_if_somebody_says_so() {
    let fixture = Fixture::new().await;
    let subscriptions = fixture.with_key(&key(1));
    let unsigned = NewSubscription { unsigned: true, ..new("alice", "a", URL) };
    let made = subscriptions.create(unsigned.clone()).await.unwrap();
    assert_eq!((&made.destination.signing.secret, fixture.row(&made).await.secret.as_str()), (&None, ""));
    assert_eq!(subscriptions.get(Access::Operator, made.id).await.unwrap(), made);
    let both = NewSubscription { secret: Some("s".into()), ..unsigned };
    assert_eq!(wrong_fields(subscriptions.create(both).await), [(Field::Secret, FieldErrorKind::Invalid)]);

    let update = async |change| subscriptions.update(Access::Operator, made.id, change).await;
    assert_eq!(update(SubscriptionChange::default()).await.unwrap().destination.signing.secret, None);
    let sign = SubscriptionChange { secret: Some("s".into()), ..SubscriptionChange::default() };
    assert_eq!(update(sign.clone()).await.unwrap().destination.signing.secret, Some(Secret::new("s")));
    assert_eq!(update(SubscriptionChange::default()).await.unwrap().destination.signing.secret, Some(Secret::new("s")));
    let both = SubscriptionChange { unsigned: true, ..sign };
    assert_eq!(wrong_fields(update(both).await), [(Field::Secret, FieldErrorKind::Invalid)]);
    let strip = SubscriptionChange { unsigned: true, ..SubscriptionChange::default() };
    assert_eq!(update(strip).await.unwrap().destination.signing.secret, None);
}

#[tokio::test]
async fn thorn_147_a_signer_of_its_own_or_the_configured_one() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.create("alice", "a", URL).await.destination.signing.signer, Signer::Hmac);
    let compat = fixture.subscriptions.clone().with_signer(Signer::Compat);
    let made = compat.create(new("alice", "b", URL)).await.unwrap();
    assert_eq!((made.destination.signing.signer, fixture.row(&made).await.signer.as_str()), (Signer::Compat, "compat"));
    let plain = NewSubscription { signer: Some("HMAC".into()), ..new("alice", "c", URL) };
    assert_eq!(compat.create(plain).await.unwrap().destination.signing.signer, Signer::Hmac);
    let change = SubscriptionChange { signer: Some("hmac".into()), ..SubscriptionChange::default() };
    assert_eq!(
        compat.update(Access::Operator, made.id, change).await.unwrap().destination.signing.signer,
        Signer::Hmac
    );
}

#[tokio::test]
async fn headers_are_kept_sealed_replaced_and_wiped() {
    let fixture = Fixture::new().await;
    let headers = ExtraHeaders::from_iter([("Authorization", "Bearer hush"), ("X-Tenant", "blue")]);
    let with_headers = |event| NewSubscription { headers: headers.clone(), ..new("alice", event, URL) };
    let plain = fixture.subscriptions.create(with_headers("a")).await.unwrap();
    assert_eq!(fixture.row(&plain).await.headers.unwrap(), r#"[["Authorization","Bearer hush"],["X-Tenant","blue"]]"#);
    let subscriptions = fixture.with_key(&key(1));
    let made = subscriptions.create(with_headers("b")).await.unwrap();
    let stored = fixture.row(&made).await.headers.unwrap();
    assert!(stored.starts_with("enc1:"), "{stored}");
    for one in [&plain, &made] {
        assert_eq!(subscriptions.get(Access::Operator, one.id).await.unwrap().destination.headers, headers);
    }
    assert!(!format!("{:?} {:?}", with_headers("c"), subscriptions).contains("hush"));

    let update = async |headers| {
        let change = SubscriptionChange { headers, ..SubscriptionChange::default() };
        subscriptions.update(Access::Operator, made.id, change).await.unwrap().destination.headers
    };
    assert_eq!(update(None).await, headers);
    let other = ExtraHeaders::from_iter([("X-A", "b")]);
    assert_eq!(update(Some(other.clone())).await, other);
    // Sealed in another row, they can't be read there; new ones mend that.
    fixture.tamper(&made, Column::Headers, &stored).await;
    assert_eq!(subscriptions.get(Access::Operator, made.id).await.unwrap().destination.headers, headers);
    fixture.tamper(&plain, Column::Headers, &stored).await;
    let error = subscriptions.get(Access::Operator, plain.id).await.unwrap_err();
    assert!(matches!(&error, Error::Secret(_)) && error.to_string().contains("headers"), "{error}");
    assert_eq!(update(Some(ExtraHeaders::default())).await, ExtraHeaders::default());
    assert_eq!(fixture.row(&made).await.headers, None);
    update(Some(other)).await;
    subscriptions.delete(Access::Operator, made.id).await.unwrap();
    assert_eq!(fixture.row(&made).await.headers, None);
}

#[tokio::test]
async fn thorn_145_headers_of_a_subscription_are_checked_when_set() {
    let fixture = Fixture::new().await;
    let try_headers = async |event: &str, headers: &[(&str, &str)]| {
        let headers = headers.iter().copied().collect();
        fixture.subscriptions.create(NewSubscription { headers, ..new("alice", event, URL) }).await
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

fn filtered(event: &str, filter: Value) -> NewSubscription {
    NewSubscription { filter: Some(filter), ..new("alice", event, URL) }
}

#[tokio::test]
async fn django_webhooks_d06_a_url_may_listen_to_several_values_each_once() {
    let fixture = Fixture::new().await;
    let subscriptions = &fixture.subscriptions;
    let published = subscriptions.create(filtered("a.*", json!({ "state": "PUBLISHED" }))).await.unwrap();
    assert_eq!(published.filter, Some(Q::field("state").eq("PUBLISHED")));
    assert_eq!(fixture.row(&published).await.filter.unwrap(), r#"{"state":{"eq":"PUBLISHED"}}"#);
    assert_eq!(subscriptions.get(Access::Operator, published.id).await.unwrap(), published);
    subscriptions.create(filtered("a.*", json!({ "state": "DRAFT" }))).await.unwrap();
    let duplicate = [(Field::Several, FieldErrorKind::Duplicate)];
    let same = filtered("a.*", json!({ "and": [{ "state": { "eq": "PUBLISHED" } }] }));
    assert_eq!(wrong_fields(subscriptions.create(same).await), duplicate);
    // A filter that is always true is no filter.
    let made = subscriptions.create(filtered("a.*", json!({}))).await.unwrap();
    assert_eq!((made.filter, fixture.row(&published).await.identity.is_some()), (None, true));
    assert_eq!(wrong_fields(subscriptions.create(new("alice", "a.*", URL)).await), duplicate);

    let update = async |filter| {
        let change = SubscriptionChange { filter, ..SubscriptionChange::default() };
        subscriptions.update(Access::Operator, published.id, change).await
    };
    assert_eq!(update(None).await.unwrap().filter, published.filter);
    assert_eq!(wrong_fields(update(Some(Value::Null)).await), duplicate);
    assert_eq!(update(Some(json!({ "n": 1 }))).await.unwrap().filter, Some(Q::field("n").eq(1)));
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

#[tokio::test]
async fn since_when_it_hears_what_it_hears_is_known() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a", URL).await;
    assert_eq!(made.matches_version, made.version);
    let update = async |change| fixture.subscriptions.update(Access::Operator, made.id, change).await.unwrap();
    let change = SubscriptionChange::default;
    for (other, hears_others) in [
        (SubscriptionChange { digest: Some("sha1".into()), ..change() }, false),
        (SubscriptionChange { url: Some("https://other.example/".into()), ..change() }, false),
        (SubscriptionChange { pattern: Some("a".into()), enabled: Some(true), ..change() }, false),
        (SubscriptionChange { pattern: Some("b".into()), ..change() }, true),
        (SubscriptionChange { filter: Some(json!({ "n": 1 })), ..change() }, true),
        (SubscriptionChange { filter: Some(json!({ "n": { "eq": 1 } })), ..change() }, false),
        (SubscriptionChange { filter: Some(Value::Null), ..change() }, true),
        (SubscriptionChange { enabled: Some(false), ..change() }, false),
        (SubscriptionChange { enabled: Some(true), ..change() }, true),
    ] {
        let shown = format!("{other:?}");
        let now = update(other).await;
        assert_eq!(now.matches_version == now.version, hears_others, "{shown}");
    }
}
