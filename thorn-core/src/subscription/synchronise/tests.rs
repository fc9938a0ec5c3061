#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashSet;

use futures::future::join_all;

use super::*;
use crate::{
    id::SubscriptionId,
    signing::Digest,
    subscription::{
        access::Access,
        change::{NewSubscription, SubscriptionChange},
        fixture::{Fixture, key},
        registry::Registry,
    },
    tables::subscription::registry,
};

fn signed(event: &str, url: &str) -> ConfiguredSubscription {
    ConfiguredSubscription::signed(event, url, "s3cr3t")
}

fn list() -> Vec<ConfiguredSubscription> {
    vec![
        signed("a.*", "https://a/"),
        signed("b.*", "https://a/"),
        ConfiguredSubscription::unsigned("a.*", "https://b/"),
    ]
}

const fn counts(added: usize, changed: usize, removed: usize, unchanged: usize) -> Configured {
    Configured { added, changed, removed, unchanged }
}

impl Fixture {
    async fn configure(&self, list: Vec<ConfiguredSubscription>) -> Configured {
        self.subscriptions.configure("blog", list).await.unwrap()
    }

    async fn all(&self) -> Vec<Subscription> {
        self.subscriptions.list(Access::Operator, super::super::Page::default()).await.unwrap()
    }

    async fn version(&self) -> i64 {
        registry::Entity::find_by_id(1).one(&self.db).await.unwrap().unwrap().version
    }
}

#[tokio::test]
async fn thorn_098_101_188_the_table_follows_the_configuration_and_no_further() {
    let fixture = Fixture::new().await;
    let own = fixture.create("alice", "a.*", "https://a/").await;
    assert_eq!(fixture.configure(list()).await, counts(3, 0, 0, 0));
    let before = fixture.all().await;
    let version = fixture.version().await;
    assert_eq!((before.len(), version), (4, 4), "a version for each row");
    assert_eq!(fixture.configure(list()).await, counts(0, 0, 0, 3));
    assert_eq!((fixture.all().await, fixture.version().await), (before.clone(), version));

    let changed = vec![list()[0].clone().digest(Digest::Sha512), list()[1].clone(), signed("c.*", "https://a/")];
    assert_eq!(fixture.configure(changed.clone()).await, counts(1, 1, 1, 1));
    let by_event = |all: &[Subscription], event: &str| {
        let found = all.iter().find(|one| one.spec.pattern.as_str() == event && one.source.is_some());
        found.cloned().unwrap()
    };
    let after = fixture.all().await;
    let (then, now) = (by_event(&before, "a.*"), by_event(&after, "a.*"));
    assert_eq!(now.spec.destination.signing.digest, Digest::Sha512);
    assert_eq!(after.iter().filter(|one| one.id == own.id).collect::<Vec<_>>(), [&own]);

    // The same subscription comes back, and it gets no event of the meantime.
    assert_eq!(fixture.configure(Vec::new()).await, counts(0, 0, 3, 0));
    assert_eq!(fixture.all().await, [own]);
    assert_eq!(fixture.configure(list()).await, counts(3, 0, 0, 0));
    let back = by_event(&fixture.all().await, "a.*");
    assert!(back.created_version > then.version && back.disabled.is_none());
    // A registry that watched all the time and one that starts now know the same.
    let registry = Registry::new(None);
    registry.refresh(&fixture.db).await.unwrap();
    assert_eq!(registry.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_may_configure_at_once() {
    let fixture = Fixture::new().await;
    let configure = |n: usize| {
        let subscriptions = fixture.subscriptions.clone();
        let list = if n.is_multiple_of(2) { list() } else { list()[..2].to_vec() };
        tokio::spawn(async move { subscriptions.configure("blog", list).await.unwrap() })
    };
    for done in join_all((0..10).map(configure)).await {
        done.unwrap();
    }
    fixture.configure(list()).await;
    assert_eq!(fixture.all().await.len(), 3);
    let rows = Entity::find().all(&fixture.db).await.unwrap();
    let versions: HashSet<_> = rows.iter().map(|row| row.version).collect();
    assert_eq!((rows.len(), versions.len()), (3, 3));
}

#[tokio::test]
async fn thorn_101_ids_are_derived_or_given_and_given_ones_may_exchange_everything() {
    let fixture = Fixture::new().await;
    let (first, second) = (SubscriptionId::generate(), SubscriptionId::generate());
    let pair = |a: &str, b: &str| vec![signed(a, "https://a/").id(first), signed(b, "https://a/").id(second)];
    fixture.configure(pair("a", "b")).await;
    assert_eq!(fixture.configure(pair("b", "a")).await, counts(0, 2, 0, 0));
    let all = fixture.all().await;
    let found = all.iter().find(|one| one.id == first).unwrap();
    assert_eq!(found.spec.pattern.as_str(), "b");
    let other = fixture.subscriptions.configure("shop", pair("a", "b")).await.unwrap_err();
    assert!(matches!(other, Error::Configuration(_)), "{other}");
    // Derived from the configuration's name too, so that two of them may say the same.
    fixture.configure(list()).await;
    fixture.subscriptions.configure("shop", list()).await.unwrap();
    assert_eq!(fixture.all().await.len(), 6);
}

#[tokio::test]
async fn one_that_is_disabled_stays_so_until_it_is_changed_or_enabled() {
    let fixture = Fixture::new().await;
    fixture.configure(list()).await;
    let id = fixture.all().await[0].id;
    fixture.subscriptions.disable(id, "410").await.unwrap();
    assert_eq!(fixture.configure(list()).await, counts(0, 0, 0, 3));
    let disabled = async || fixture.subscriptions.get(Access::Operator, id).await.unwrap().disabled.is_some();
    assert!(disabled().await);
    let enable = SubscriptionChange { enabled: Some(true), ..SubscriptionChange::default() };
    fixture.subscriptions.update(Access::Operator, id, enable).await.unwrap();
    assert!(!disabled().await);
    fixture.subscriptions.disable(id, "410").await.unwrap();
    let changed = list().into_iter().map(|one| one.digest(Digest::Sha1)).collect();
    fixture.configure(changed).await;
    assert!(!disabled().await);
}

#[tokio::test]
async fn what_is_configured_is_changed_nowhere_else() {
    let fixture = Fixture::new().await;
    fixture.configure(vec![signed("a.*", "https://a/").owner("alice")]).await;
    let access = Access::Owner("alice");
    let one = fixture.subscriptions.list(access, super::super::Page::default()).await.unwrap().remove(0);
    let moved = SubscriptionChange::default().url("https://b/");
    let unsigned = SubscriptionChange::default().unsigned().enabled(true);
    for change in [moved, unsigned] {
        let error = fixture.subscriptions.update(access, one.id, change).await.unwrap_err();
        assert!(matches!(&error, Error::Configured { configuration, .. } if configuration == "blog"), "{error}");
    }
    assert!(matches!(fixture.subscriptions.delete(access, one.id).await, Err(Error::Configured { .. })));
    assert!(matches!(fixture.subscriptions.delete(Access::Owner("bob"), one.id).await, Err(Error::NotFound { .. })));
    assert_eq!(fixture.all().await, [one]);
}

#[tokio::test]
async fn mistakes_are_told_together_and_change_nothing() {
    let fixture = Fixture::new().await;
    fixture.configure(list()).await;
    let before = (fixture.all().await, fixture.version().await);
    let wrong = vec![
        signed("a..b", "https://x:hunter2@a/"),
        signed("a", "https://a/"),
        ConfiguredSubscription::signed("a", "https://b/", "whsec_hunter2").header("Hook-HMAC", "hunter2"),
        signed("a", "https://a/"),
        signed("b", "https://a/").owner(""),
    ];
    let error = fixture.subscriptions.configure("blog", wrong).await.unwrap_err().to_string();
    for expected in [
        "`blog`",
        "entry 1 (event `a..b`): event:",
        "entry 1 (event `a..b`): url:",
        "entry 3 (event `a`): secret:",
        "entry 3 (event `a`): headers:",
        "entry 4 (event `a`): entry 2 has the same",
        "entry 5 (event `b`): owner:",
    ] {
        assert!(error.contains(expected), "{expected} in {error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
    assert_eq!((fixture.all().await, fixture.version().await), before);
}

#[tokio::test]
async fn a_secret_that_cant_be_read_is_written_anew() {
    let fixture = Fixture::new().await;
    let sealed = fixture.with_key(&key(1));
    sealed.configure("blog", list()).await.unwrap();
    assert_eq!(sealed.configure("blog", list()).await.unwrap(), counts(0, 0, 0, 3));
    let other = fixture.with_key(&key(2));
    assert_eq!(other.configure("blog", list()).await.unwrap(), counts(0, 2, 0, 1));
    other.list(Access::Operator, super::super::Page::default()).await.unwrap();
}

#[tokio::test]
async fn ha4_sources_of_webhooks_are_reserved() {
    let fixture = Fixture::new().await;
    let error = fixture.subscriptions.configure("webhook:1", list()).await.unwrap_err();
    assert!(matches!(&error, Error::Configuration(wrong) if wrong.mistakes[0].contains("`webhook:`")), "{error}");
    let new = NewSubscription { source: Some("webhook:1".into()), ..NewSubscription::new("a", "https://a/") };
    let error = fixture.subscriptions.create(new).await.unwrap_err();
    assert!(error.to_string().contains("source: names that begin with `webhook:`"), "{error}");
    assert!(fixture.all().await.is_empty());
    fixture.subscriptions.configure("webhooks", list()).await.unwrap();
}
