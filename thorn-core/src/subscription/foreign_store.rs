//! The interface to a store that keeps subscriptions outside thorn's table.

use std::fmt;

use super::{
    access::{Access, Page},
    entry::Subscription,
};
use crate::{error::Error, id::SubscriptionId};

/// Returns the new subscription, given the write's version.
pub type MakeSubscription<'a> = dyn Fn(i64) -> Subscription + Send + Sync + 'a;

/// Returns the changed subscription, given the write's version; `None` leaves it as it is.
pub type ChangeSubscription<'a> = dyn for<'b> Fn(&'b Subscription, i64) -> Option<Subscription> + Send + Sync + 'a;

/// Keeps subscriptions in place of thorn's table `thorn_subscription`, for example in a separate service, in
/// another database or in memory.
///
/// Thorn makes and checks every value, decides who may see or change it, and matches events in memory.
/// A store only keeps the values. The store receives secrets in plain text and must protect them. Deliveries,
/// their history and everything else stay in thorn's tables. All processes that use the database need
/// the same store ([`ThornBuilder::subscription_store`](crate::ThornBuilder::subscription_store)), so the
/// stock worker can't be one of them.
///
/// # Quotas
///
/// Thorn's bounds on what one owner may have, such as
/// [`max_subscriptions`](crate::ThornBuilder::max_subscriptions), hold for thorn's table only. A store enforces its own
/// bounds, because only the store can count and insert without another writer in between. To refuse a subscription,
/// [`insert`](SubscriptionStore::insert) and [`update`](SubscriptionStore::update) return [`Error::Quota`]. The REST
/// API answers it as it does for thorn's table.
///
/// # Versions
///
/// A store counts its writes from 1. Each write takes the next version and sets it on the written subscription.
/// Workers use the versions to find changes. Versions must become visible in order: a reader that sees version n
/// must also be able to see every earlier version. A store that allows one writer at a time meets this rule.
#[async_trait::async_trait]
pub trait SubscriptionStore: Send + Sync + fmt::Debug {
    /// Lists a page of the subscriptions that `access` may see and that are not deleted.
    ///
    /// The list is sorted by URL. Subscriptions with the same URL are sorted from newest to oldest. The page begins
    /// after `page.after` and has at most `page.limit` subscriptions.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription `page.after` doesn't exist; [`Error::Store`].
    async fn list(&self, access: Access<'_>, page: Page) -> Result<Vec<Subscription>, Error>;

    /// Returns a subscription; `None` if it doesn't exist or is deleted.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    async fn find(&self, id: SubscriptionId) -> Result<Option<Subscription>, Error>;

    /// Stores and returns the new subscription that `make` returns for the write's version.
    ///
    /// # Errors
    ///
    /// [`Error::Subscription`] with
    /// [`InvalidSubscription::duplicate`](crate::subscription::InvalidSubscription::duplicate) if a subscription
    /// with the same owner, event, filter and URL exists; [`Error::Quota`] if the owner has as many subscriptions as the
    /// store lets them have; [`Error::Store`].
    async fn insert(&self, make: &MakeSubscription<'_>) -> Result<Subscription, Error>;

    /// Replaces a subscription with the result of `change`, which receives the present subscription and the write's
    /// version. If `change` returns `None`, the subscription stays as it is.
    ///
    /// Returns the subscription as stored afterwards; `None` if the subscription doesn't exist. The store must
    /// prevent other writes between the read and the write.
    ///
    /// # Errors
    ///
    /// The same errors as [`insert`](Self::insert).
    async fn update(&self, id: SubscriptionId, change: &ChangeSubscription<'_>) -> Result<Option<Subscription>, Error>;

    /// Deletes a subscription. Returns `false` if the subscription doesn't exist. [`changes`](Self::changes) must
    /// still list the deletion.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    async fn delete(&self, id: SubscriptionId) -> Result<bool, Error>;

    /// Returns the version of the latest write, or 0 before the first write. Thorn calls this function before every
    /// batch of events, so it should be fast.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    async fn version(&self) -> Result<i64, Error>;

    /// Lists the subscriptions written after the version `after`, in the order of versions.
    ///
    /// The list has at most `limit` entries, and fewer only if there are no more. A subscription with several
    /// writes appears once, with its latest write.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    async fn changes(&self, after: i64, limit: usize) -> Result<Vec<StoredChange>, Error>;
}

/// The latest write of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChange {
    /// The subscription's identifier.
    pub id: SubscriptionId,
    /// The version of the write.
    pub version: i64,
    /// The subscription after the write; `None` if the write deleted it.
    pub subscription: Option<Subscription>,
}
