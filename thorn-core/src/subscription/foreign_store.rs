//! Subscriptions kept elsewhere than in thorn's table.

use std::fmt;

use super::{
    access::{Access, Page},
    entry::Subscription,
};
use crate::{error::Error, id::SubscriptionId};

/// Makes a subscription of the version that brings it.
pub type MakeSubscription<'a> = dyn Fn(i64) -> Subscription + Send + Sync + 'a;

/// Returns the changed subscription, given the write's version; `None` leaves it as it is.
pub type ChangeSubscription<'a> = dyn for<'b> Fn(&'b Subscription, i64) -> Option<Subscription> + Send + Sync + 'a;

/// Keeps subscriptions in place of thorn's table `thorn_subscription`: in a service of its own, in
/// another database, in memory.
///
/// Thorn makes and checks every value, decides who may see or change it, and matches events in memory;
/// a store only keeps what it is given. It holds secrets in clear and has to protect them. Deliveries,
/// their history and everything else stay in thorn's tables. All processes that use the database need
/// the same store ([`ThornBuilder::subscription_store`](crate::ThornBuilder::subscription_store)), so the
/// stock worker can't be one of them.
///
/// # Versions
///
/// A store counts its writes: each takes the next version, from 1, and stamps it on the subscription
/// that is written, which is how workers learn what has changed. Versions must become visible in their
/// order: who has read version n must have been able to read all before. One writer at a time does that.
#[async_trait::async_trait]
pub trait SubscriptionStore: Send + Sync + fmt::Debug {
    /// All of them that are not deleted, of one owner or of everybody, by URL and within one URL the
    /// newest first; those behind `page.after`, at most `page.limit`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no `page.after`, or [`Error::Store`].
    async fn list(&self, access: Access<'_>, page: Page) -> Result<Vec<Subscription>, Error>;

    /// One of them, if it is there and not deleted.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    async fn find(&self, id: SubscriptionId) -> Result<Option<Subscription>, Error>;

    /// Keeps a new one, as `make` makes it of the write's version.
    ///
    /// # Errors
    ///
    /// [`Error::Subscription`] with [`InvalidSubscription::duplicate`](crate::subscription::InvalidSubscription::duplicate) if there already is one of the same
    /// owner, event, filter and URL; [`Error::Store`].
    async fn insert(&self, make: &MakeSubscription<'_>) -> Result<Subscription, Error>;

    /// Replaces one by what `change` makes of it and the write's version; `None` from it leaves it as it
    /// is. Returns the subscription that is kept afterwards, `None` if there is none. Nobody else writes in
    /// between.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    async fn update(&self, id: SubscriptionId, change: &ChangeSubscription<'_>) -> Result<Option<Subscription>, Error>;

    /// Deletes one; `false` if there is none. [`changes`](Self::changes) must still tell of it.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    async fn delete(&self, id: SubscriptionId) -> Result<bool, Error>;

    /// The version of the latest write, 0 before the first. Asked before every batch of events, so it
    /// should be quick.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    async fn version(&self) -> Result<i64, Error>;

    /// Lists the subscriptions written after this version, in the order of versions, at most `limit` and
    /// less only if there are no more. One that was written several times appears once, with its latest write.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    async fn changes(&self, after: i64, limit: usize) -> Result<Vec<StoredChange>, Error>;
}

/// The latest write of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChange {
    /// Which one.
    pub id: SubscriptionId,
    /// The version of the write.
    pub version: i64,
    /// The subscription since then; `None` if it was deleted.
    pub subscription: Option<Subscription>,
}
