//! Rows that are purged before the registry has read their deletion.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{URL, counted, matched};
use crate::{
    id::SubscriptionId,
    subscription::{access::Access, fixture::Fixture, purge::Purge, registry::Registry},
    timestamp::Timestamp,
};

impl Fixture {
    /// Deletes the subscription, and purges it with whatever else was deleted.
    async fn purge_at_once(&self, id: SubscriptionId) {
        self.subscriptions.delete(Access::Operator, id).await.unwrap();
        self.age(Duration::from_secs(60 * 60)).await;
        let purged = Purge::default().run(&self.db, Timestamp::now(), Some(Duration::ZERO)).await.unwrap();
        assert!(purged > 0);
    }
}

#[tokio::test]
async fn a_registry_that_was_away_forgets_what_was_purged_meanwhile() {
    let fixture = Fixture::new().await;
    let registry = Registry::new(None);
    let gone = fixture.create("alice", "a.0", URL).await.id;
    let stays = fixture.create("alice", "a.1", URL).await.id;
    registry.refresh(&fixture.db).await.unwrap();
    fixture.purge_at_once(gone).await;
    let added = fixture.create("alice", "a.2", URL).await.id;
    assert_eq!(registry.refresh(&fixture.db).await.unwrap(), 4);
    assert_eq!((registry.get(gone), registry.len()), (None, 2));
    assert_eq!((matched(&registry, "a.1", "alice"), matched(&registry, "a.2", "alice")), (vec![stays], vec![added]));
    assert_eq!(matched(&registry, "a.0", "alice"), []);

    let late = Registry::new(None);
    assert_eq!((late.refresh(&fixture.db).await.unwrap(), late.len()), (4, 2));
}

#[tokio::test]
async fn a_registry_that_knows_of_the_deletion_reads_nothing_again() {
    let fixture = Fixture::new().await;
    let (db, queries) = counted(&fixture);
    let registry = Registry::new(None);
    let gone = fixture.create("alice", "a.0", URL).await.id;
    fixture.subscriptions.delete(Access::Operator, gone).await.unwrap();
    registry.refresh(&db).await.unwrap();
    fixture.age(Duration::from_secs(60 * 60)).await;
    Purge::default().run(&fixture.db, Timestamp::now(), Some(Duration::ZERO)).await.unwrap();
    queries.store(0, Ordering::Relaxed);
    registry.refresh(&db).await.unwrap();
    assert_eq!(queries.load(Ordering::Relaxed), 1);
}

/// Passes every query on to the database. Before one query, a subscription is deleted and purged. A later query fails.
struct Interfering<'a> {
    fixture: &'a Fixture,
    purged: SubscriptionId,
    /// Queries until the purge.
    purge_in: AtomicUsize,
    /// Queries until the failure.
    fail_in: AtomicUsize,
}

impl Interfering<'_> {
    fn is_now(countdown: &AtomicUsize) -> bool {
        countdown.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) == Ok(1)
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Interfering<'_> {
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
        if Self::is_now(&self.purge_in) {
            self.fixture.purge_at_once(self.purged).await;
        }
        if Self::is_now(&self.fail_in) {
            return Err(DbErr::Custom("the connection is gone".to_owned()));
        }
        self.fixture.db.query_all_raw(statement).await
    }
}

/// Whenever the row is purged, and wherever a refresh fails after that.
#[tokio::test]
async fn a_purge_during_a_refresh_is_noticed() {
    let fixture = Fixture::new().await;
    fixture.create("alice", "a.0", URL).await;
    fixture.create("alice", "a.1", URL).await;
    for was_read in [true, false] {
        for purge_in in 1..6 {
            for fail_in in [usize::MAX, 2, 3, 4, 5, 6, 7] {
                let gone = fixture.create("alice", "gone", URL).await.id;
                let registry = Registry { page: 1, ..Registry::new(None) };
                if was_read {
                    registry.refresh(&fixture.db).await.unwrap();
                }
                let other = fixture.create("alice", "other", URL).await.id;
                let db =
                    Interfering { fixture: &fixture, purged: gone, purge_in: purge_in.into(), fail_in: fail_in.into() };
                let failed = registry.refresh(&db).await.is_err();
                if db.purge_in.load(Ordering::Relaxed) > 0 {
                    fixture.purge_at_once(gone).await;
                }
                let version = registry.refresh(&fixture.db).await.unwrap();
                let case = format!("read before: {was_read}, purge: {purge_in}, failure: {fail_in} ({failed})");
                assert_eq!(registry.get(gone), None, "{case}");
                assert_eq!(matched(&registry, "gone", "alice"), [], "{case}");
                let fresh = Registry::new(None);
                assert_eq!(
                    (fresh.refresh(&fixture.db).await.unwrap(), fresh.len()),
                    (version, registry.len()),
                    "{case}"
                );
                fixture.subscriptions.delete(Access::Operator, other).await.unwrap();
            }
        }
    }
}
