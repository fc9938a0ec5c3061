//! A store and its subscriptions, for the tests of this module.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use thorn_test_support::Place;

use super::{change::NewSubscription, entry::Subscription, store::Subscriptions};
use crate::{
    guard::TargetError,
    migration::migrate,
    signing::SecretKey,
    spec::UrlCheck,
    tables::subscription::{Column, Entity, Model},
};

/// A database with thorn's tables. The database exists as long as the fixture.
pub(super) struct Fixture {
    pub(super) db: DatabaseConnection,
    pub(super) subscriptions: Subscriptions,
    _place: Place,
}

/// Refuses hosts that begin with `bad`, in place of the delivery module's guard.
#[derive(Debug)]
struct NoBadHosts;

#[async_trait::async_trait]
impl UrlCheck for NoBadHosts {
    async fn check(&self, url: &str) -> Result<(), TargetError> {
        if url.contains("://bad") { Err(TargetError::Credentials) } else { Ok(()) }
    }
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let place = Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        migrate(&db).await.unwrap();
        let subscriptions = Subscriptions::new(db.clone(), Arc::new(NoBadHosts), None);
        Self { db, subscriptions, _place: place }
    }

    /// The subscriptions in the same database, with secrets encrypted.
    pub(super) fn with_key(&self, key: &SecretKey) -> Subscriptions {
        Subscriptions::new(self.db.clone(), Arc::new(NoBadHosts), Some(key.clone()))
    }

    pub(super) async fn create(&self, owner: &str, event: &str, url: &str) -> Subscription {
        self.subscriptions.create(new(owner, event, url)).await.unwrap()
    }

    pub(super) async fn row(&self, subscription: &Subscription) -> Model {
        Entity::find_by_id(subscription.id.as_uuid()).one(&self.db).await.unwrap().unwrap()
    }

    /// Makes every deletion older by this time.
    pub(super) async fn age(&self, by: Duration) {
        let deleted_at = Expr::col(Column::DeletedAt).sub(i64::try_from(by.as_millis()).unwrap());
        Entity::update_many().col_expr(Column::DeletedAt, deleted_at).exec(&self.db).await.unwrap();
    }

    /// Writes to a row's column directly, as another program would.
    pub(super) async fn tamper(&self, subscription: &Subscription, column: Column, value: &str) {
        let update = Entity::update_many().col_expr(column, Expr::value(value));
        update.filter(Column::Id.eq(subscription.id.as_uuid())).exec(&self.db).await.unwrap();
    }
}

pub(super) fn new(owner: &str, event: &str, url: &str) -> NewSubscription {
    NewSubscription::new(event, url).owner(owner)
}

/// A key of 32 equal bytes.
pub(super) fn key(byte: u8) -> SecretKey {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode([byte; 32]).parse().unwrap()
}
