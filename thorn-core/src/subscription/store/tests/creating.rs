//! New subscriptions: defaults, and what makes two of them the same.

use futures::future::join_all;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use super::fixture::{URL, filtered, wrong_fields};
use crate::{
    filter::Q,
    signing::{Digest, Secret},
    spec::{ContentType, Field, FieldErrorKind, SpecDraft},
    subscription::{
        access::Access,
        change::{NewSubscription, SubscriptionChange},
        fixture::{Fixture, new},
        write,
    },
    tables::subscription::Entity,
};

#[tokio::test]
async fn thorn_084_086_a_new_subscription_has_defaults_and_keeps_its_url() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "article.*", URL).await;
    assert_eq!(made.spec.destination.url, URL);
    assert_eq!(
        (made.spec.destination.signing.digest, made.spec.destination.content_type),
        (Digest::Sha256, ContentType::Json)
    );
    let secret = made.spec.destination.signing.secret.as_ref().unwrap().expose();
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
    let same = SubscriptionChange::default().pattern("a.*");
    let access = Access::Owner("alice");
    assert_eq!(wrong_fields(fixture.subscriptions.update(access, other.id, same.clone()).await), duplicate);
    // Once deleted it may be made again.
    fixture.subscriptions.delete(access, made.id).await.unwrap();
    fixture.subscriptions.update(access, other.id, same).await.unwrap();
}

#[tokio::test]
async fn a_duplicate_is_reported_together_with_other_wrong_fields() {
    let fixture = Fixture::new().await;
    let subscriptions = &fixture.subscriptions;
    fixture.create("alice", "a.*", URL).await;
    let short = |draft: SpecDraft| SpecDraft { secret: Some(Secret::new("short")), ..draft };
    let create = async |pattern: &str, filter: Option<Value>| {
        let new = new("alice", pattern, URL);
        let draft = SpecDraft { filter, ..short(new.spec.clone()) };
        wrong_fields(subscriptions.create(NewSubscription { spec: draft, ..new }).await)
    };
    let secret = (Field::Secret, FieldErrorKind::Invalid);
    let duplicate = (Field::Several, FieldErrorKind::Duplicate);
    assert_eq!(create("a.*", None).await, [secret, duplicate]);
    assert_eq!(create("a.b", None).await, [secret]);
    // With a wrong filter, nobody knows whether it's a duplicate.
    let filter = (Field::Filter, FieldErrorKind::Invalid);
    assert_eq!(create("a.*", Some(Value::from(7))).await, [filter, secret]);

    let (access, other) = (Access::Owner("alice"), fixture.create("alice", "a.b", URL).await);
    let change = |pattern: &str| {
        let change = SubscriptionChange::default().pattern(pattern);
        SubscriptionChange { spec: short(change.spec.clone()), ..change }
    };
    assert_eq!(wrong_fields(subscriptions.update(access, other.id, change("a.*")).await), [secret, duplicate]);
    assert_eq!(wrong_fields(subscriptions.update(access, other.id, change("a.b")).await), [secret]);
    assert_eq!(wrong_fields(subscriptions.check(&new("alice", "a.*", URL)).await), [duplicate]);
    let same = SubscriptionChange::default().pattern("a.*");
    assert_eq!(wrong_fields(subscriptions.check_change(access, other.id, &same).await), [duplicate]);
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
async fn django_webhooks_d06_a_url_may_listen_to_several_values_each_once() {
    let fixture = Fixture::new().await;
    let subscriptions = &fixture.subscriptions;
    let published = subscriptions.create(filtered("a.*", json!({ "state": "PUBLISHED" }))).await.unwrap();
    assert_eq!(published.spec.filter, Some(Q::field("state").eq("PUBLISHED")));
    assert_eq!(fixture.row(&published).await.filter.unwrap(), r#"{"state":{"eq":"PUBLISHED"}}"#);
    assert_eq!(subscriptions.get(Access::Operator, published.id).await.unwrap(), published);
    subscriptions.create(filtered("a.*", json!({ "state": "DRAFT" }))).await.unwrap();
    let duplicate = [(Field::Several, FieldErrorKind::Duplicate)];
    let same = filtered("a.*", json!({ "and": [{ "state": { "eq": "PUBLISHED" } }] }));
    assert_eq!(wrong_fields(subscriptions.create(same).await), duplicate);
    // A filter that is always true is no filter.
    let made = subscriptions.create(filtered("a.*", json!({}))).await.unwrap();
    assert_eq!((made.spec.filter, fixture.row(&published).await.identity.is_some()), (None, true));
    assert_eq!(wrong_fields(subscriptions.create(new("alice", "a.*", URL)).await), duplicate);

    let update = async |filter| {
        let mut change = SubscriptionChange::default();
        change.spec.filter = filter;
        subscriptions.update(Access::Operator, published.id, change).await
    };
    assert_eq!(update(None).await.unwrap().spec.filter, published.spec.filter);
    assert_eq!(wrong_fields(update(Some(Value::Null)).await), duplicate);
    assert_eq!(update(Some(json!({ "n": 1 }))).await.unwrap().spec.filter, Some(Q::field("n").eq(1)));
}

#[tokio::test]
async fn a_url_in_another_spelling_is_the_same_subscription_and_is_kept_as_given() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a", "HTTP://Example.com:80/a/../b").await;
    assert_eq!(made.spec.destination.url, "HTTP://Example.com:80/a/../b");
    for url in ["http://example.com/b", "http://EXAMPLE.com/./b", "http://example.com:80/b"] {
        let wrong = wrong_fields(fixture.subscriptions.create(new("alice", "a", url)).await);
        assert_eq!(wrong, [(Field::Several, FieldErrorKind::Duplicate)], "{url}");
    }
    fixture.create("alice", "a", "http://example.com/B").await;
    fixture.create("bob", "a", "http://example.com/b").await;
}
