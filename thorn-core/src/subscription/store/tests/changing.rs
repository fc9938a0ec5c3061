//! Changes and deletions.

use serde_json::{Value, json};

use super::fixture::{URL, is_missing, wrong_fields};
use crate::{
    headers::ExtraHeaders,
    signing::Digest,
    spec::{Field, FieldErrorKind, SpecDraft},
    subscription::{
        access::Access,
        change::SubscriptionChange,
        entry::Subscription,
        fixture::{Fixture, new},
    },
    tables::subscription::Column,
};

#[tokio::test]
async fn thorn_111_112_a_change_leaves_the_rest_and_round_trips() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.*", URL).await;
    let access = Access::Owner("alice");
    let change = SubscriptionChange::default().digest(Digest::Sha512);
    let changed = fixture.subscriptions.update(access, made.id, change).await.unwrap();
    assert_eq!(
        (changed.spec.destination.signing.digest, changed.version, changed.created_version),
        (Digest::Sha512, 2, 1)
    );
    assert_eq!(
        (&changed.spec.destination.signing.secret, &changed.spec.pattern, &changed.spec.destination.url),
        (&made.spec.destination.signing.secret, &made.spec.pattern, &made.spec.destination.url)
    );
    let spec = SpecDraft {
        pattern: Some(changed.spec.pattern.to_string()),
        filter: Some(Value::Null),
        url: Some(changed.spec.destination.url.clone()),
        secret: changed.spec.destination.signing.secret.clone(),
        unsigned: false,
        digest: Some(changed.spec.destination.signing.digest.to_string()),
        signer: Some(changed.spec.destination.signing.signer.to_string()),
        content_type: Some(changed.spec.destination.content_type.to_string()),
        headers: Some(changed.spec.destination.headers.clone()),
        rate: Some(None),
        max_in_flight: Some(None),
        dialect: Some(changed.spec.dialect.to_string()),
    };
    let back = SubscriptionChange { spec, enabled: Some(true), ..SubscriptionChange::default() };
    assert!(!format!("{back:?}").contains(changed.spec.destination.signing.secret.as_ref().unwrap().expose()));
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
async fn thorn_112_a_url_that_stays_is_not_asked_for_again() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a", URL).await;
    // As if the name had stopped resolving.
    fixture.tamper(&made, Column::Url, "https://bad.example/").await;
    let change = |url: &str| SubscriptionChange::default().url(url);
    let access = Access::Owner("alice");
    fixture.subscriptions.update(access, made.id, change("https://bad.example/")).await.unwrap();
    let other = fixture.subscriptions.update(access, made.id, change("https://bad.example/other")).await;
    assert_eq!(wrong_fields(other), [(Field::Url, FieldErrorKind::Refused)]);
}

#[tokio::test]
async fn since_when_it_hears_what_it_hears_is_known() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a", URL).await;
    assert_eq!(made.matches_version, made.version);
    let update = async |change| fixture.subscriptions.update(Access::Operator, made.id, change).await.unwrap();
    let change = SubscriptionChange::default;
    for (other, hears_others) in [
        (change().digest(Digest::Sha1), false),
        (change().url("https://other.example/"), false),
        (change().pattern("a").enabled(true), false),
        (change().pattern("b"), true),
        (change().filter(json!({ "n": 1 })), true),
        (change().filter(json!({ "n": { "eq": 1 } })), false),
        (change().filter(Value::Null), true),
        (change().enabled(false), false),
        (change().enabled(true), true),
    ] {
        let shown = format!("{other:?}");
        let now = update(other).await;
        assert_eq!(now.matches_version == now.version, hears_others, "{shown}");
    }
}

#[tokio::test]
async fn headers_stay_with_the_origin_that_they_were_given_for() {
    let fixture = Fixture::new().await;
    let headers = ExtraHeaders::from_iter([("Authorization", "Bearer hush")]);
    let mut new = new("alice", "a", "https://one.example/x");
    new.spec.headers = Some(headers.clone());
    let made = fixture.subscriptions.create(new).await.unwrap();
    let update = async |url: &str, headers: Option<&ExtraHeaders>| {
        let mut change = SubscriptionChange::default().url(url);
        change.spec.headers = headers.cloned();
        fixture.subscriptions.update(Access::Owner("alice"), made.id, change).await.unwrap().spec.destination.headers
    };
    for same in ["https://one.example/y", "HTTPS://ONE.example:443/z"] {
        assert_eq!(update(same, None).await, headers, "{same}");
    }
    for other in ["https://two.example/z", "http://two.example/z", "http://two.example:8080/z"] {
        assert_eq!(update(other, None).await, ExtraHeaders::default(), "{other}");
        assert_eq!(update(other, Some(&headers)).await, headers, "{other}");
    }
}
