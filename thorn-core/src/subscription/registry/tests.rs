#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod purged;
mod ranges;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::Registry;
use crate::{
    id::SubscriptionId,
    signing::Digest,
    subscription::{
        access::Access,
        change::SubscriptionChange,
        fixture::{Fixture, key, new},
    },
    tables::subscription::Column,
};

const URL: &str = "https://example.com/";

fn matched(registry: &Registry, event: &str, sender: &str) -> Vec<SubscriptionId> {
    let mut out = Vec::new();
    registry.matching(event, Some(sender), false, &mut out);
    out.iter().map(|subscription| subscription.id).collect()
}

/// A handle on the fixture's database, with a counter of the queries made through it.
fn counted(fixture: &Fixture) -> (DatabaseConnection, Arc<AtomicUsize>) {
    let (mut db, queries) = (fixture.db.clone(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&queries);
    db.set_metric_callback(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    (db, queries)
}

#[tokio::test]
async fn a_refresh_sees_every_kind_of_change() {
    let fixture = Fixture::new().await;
    let registry = Registry::new(None);
    assert_eq!(registry.refresh(&fixture.db).await.unwrap(), 0);
    assert!(registry.is_empty());

    let (one, two) = (fixture.create("alice", "a.*", URL).await, fixture.create("alice", "a.b", URL).await);
    assert_eq!(matched(&registry, "a.b", "alice"), []);
    assert_eq!(registry.refresh(&fixture.db).await.unwrap(), 2);
    assert_eq!((registry.len(), registry.version()), (2, 2));
    assert_eq!(*registry.get(one.id).unwrap(), one);

    let change = SubscriptionChange::default().pattern("c.*");
    fixture.subscriptions.update(Access::Operator, one.id, change).await.unwrap();
    registry.refresh(&fixture.db).await.unwrap();
    assert_eq!(matched(&registry, "a.b", "alice"), [two.id]);
    assert_eq!(matched(&registry, "c.b", "alice"), [one.id]);

    fixture.subscriptions.disable(one.id, "gone").await.unwrap();
    registry.refresh(&fixture.db).await.unwrap();
    assert_eq!(matched(&registry, "c.b", "alice"), []);
    assert_eq!((registry.get(one.id), registry.len()), (None, 1));

    let enable = SubscriptionChange { enabled: Some(true), ..SubscriptionChange::default() };
    fixture.subscriptions.update(Access::Operator, one.id, enable).await.unwrap();
    fixture.subscriptions.delete(Access::Operator, two.id).await.unwrap();
    assert_eq!(registry.refresh(&fixture.db).await.unwrap(), 6);
    assert_eq!(matched(&registry, "c.b", "alice"), [one.id]);
    assert_eq!(matched(&registry, "a.b", "alice"), []);

    let late = Registry::new(None);
    late.refresh(&fixture.db).await.unwrap();
    assert_eq!((late.len(), late.version()), (1, 6));
}

#[tokio::test]
async fn a_refresh_costs_one_query_while_nothing_changed() {
    let fixture = Fixture::new().await;
    fixture.create("alice", "a.*", URL).await;
    let (db, queries) = counted(&fixture);
    let registry = Registry::new(None);
    for expected in [3, 1, 1] {
        registry.refresh(&db).await.unwrap();
        assert_eq!(queries.swap(0, Ordering::Relaxed), expected);
    }
    fixture.create("alice", "b.*", URL).await;
    registry.refresh(&db).await.unwrap();
    assert_eq!(queries.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn refreshes_that_wait_for_another_one_share_the_next() {
    let fixture = Fixture::new().await;
    let (db, queries) = counted(&fixture);
    let registry = Registry::new(None);
    let held = registry.refreshing.lock().await;
    let asked = join_all((0..20).map(|_| registry.refresh(&db)));
    let (done, ()) = futures::join!(asked, async { drop(held) });
    done.into_iter().for_each(|version| assert_eq!(version.unwrap(), 0));
    assert_eq!(queries.swap(0, Ordering::Relaxed), 1);
    for _ in 0..3 {
        registry.refresh(&db).await.unwrap();
    }
    assert_eq!(queries.load(Ordering::Relaxed), 3, "a later refresh runs its own query");
}

#[tokio::test]
async fn a_refresh_reads_all_pages() {
    let fixture = Fixture::new().await;
    let registry = Registry { page: 2, ..Registry::new(None) };
    for n in 0..4 {
        fixture.create("alice", &format!("a.{n}"), URL).await;
    }
    assert_eq!(registry.refresh(&fixture.db).await.unwrap(), 4);
    assert_eq!(registry.len(), 4);
}

/// Passes every query on to the database. Before each of the first `times` pages it changes a subscription.
struct Overtaken<'a> {
    fixture: &'a Fixture,
    registry: &'a Registry,
    changed: SubscriptionId,
    times: AtomicUsize,
}

#[async_trait::async_trait]
impl ConnectionTrait for Overtaken<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.fixture.db.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.fixture.db.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.fixture.db.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.fixture.db.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        assert!(self.registry.refreshing.try_lock().is_err(), "two refreshes must not read at once");
        if self.times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            let change = SubscriptionChange::default();
            self.fixture.subscriptions.update(Access::Operator, self.changed, change).await.unwrap();
        }
        self.fixture.db.query_all_raw(statement).await
    }
}

#[tokio::test]
async fn a_row_that_changes_during_the_refresh_is_not_lost() {
    let fixture = Fixture::new().await;
    let changed = fixture.create("alice", "a.0", URL).await.id;
    fixture.create("alice", "a.1", URL).await;
    fixture.create("alice", "a.2", URL).await;
    for (page, times) in [(1, 1), (2, 1), (2, 3), (3, 2), (9, 1)] {
        let registry = Registry { page, ..Registry::new(None) };
        let db = Overtaken { fixture: &fixture, registry: &registry, changed, times: AtomicUsize::new(times) };
        let version = registry.refresh(&db).await.unwrap();
        assert_eq!(registry.len(), 3, "{times} changes, pages of {page}");
        assert_eq!(registry.get(changed).unwrap().version, version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_concurrent_write_takes_one_version_and_no_refresh_misses_a_committed_write() {
    let fixture = Fixture::new().await;
    let registry = Arc::new(Registry { page: 3, ..Registry::new(None) });
    let write_and_refresh = |n: usize| {
        let (subscriptions, db, registry) = (fixture.subscriptions.clone(), fixture.db.clone(), Arc::clone(&registry));
        tokio::spawn(async move {
            let event = format!("a.{n}");
            let made = subscriptions.create(new("alice", &event, URL)).await.unwrap();
            assert!(registry.refresh(&db).await.unwrap() >= made.version);
            assert_eq!(matched(&registry, &event, "alice"), [made.id]);
            let change = SubscriptionChange::default().digest(Digest::Sha1);
            let changed = subscriptions.update(Access::Operator, made.id, change).await.unwrap();
            assert!(registry.refresh(&db).await.unwrap() >= changed.version);
            assert_eq!(*registry.get(made.id).unwrap(), changed);
            [made.version, changed.version]
        })
    };
    let versions = join_all((0..20).map(write_and_refresh)).await;
    let mut versions: Vec<_> = versions.into_iter().flat_map(Result::unwrap).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=40).collect::<Vec<_>>());
    assert_eq!(registry.len(), 20);
}

#[tokio::test]
async fn an_unreadable_row_does_not_affect_the_others() {
    let fixture = Fixture::new().await;
    let sealing = fixture.with_key(&key(1));
    let good = sealing.create(new("alice", "a.*", URL)).await.unwrap();
    let foreign_key = fixture.with_key(&key(2)).create(new("alice", "a.b", URL)).await.unwrap();
    let damaged = sealing.create(new("alice", "a.**", URL)).await.unwrap();
    fixture.tamper(&damaged, Column::Digest, "rot13").await;
    let registry = Registry::new(Some(key(1)));
    assert_eq!(registry.refresh(&fixture.db).await.unwrap(), 3);
    assert_eq!(matched(&registry, "a.b", "alice"), [good.id]);
    assert_eq!(registry.get(foreign_key.id), None);
    assert_eq!(registry.get(good.id).unwrap().spec.destination.signing.secret, good.spec.destination.signing.secret);
}
