//! The handle an application holds.

mod builder;
mod check;
mod consent;
#[cfg(feature = "delivery")]
mod deliverers;
#[cfg(feature = "delivery")]
mod delivering;
mod setters;

pub use self::builder::ThornBuilder;

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseTransaction};

use crate::{
    api_key::ApiKeys,
    config::Config,
    db::{transaction, with_timeout},
    error::Error,
    history::{History, Stats, StatsWindow, Status},
    hub::Hub,
    id::SubscriptionId,
    model::end,
    outbox::{OnError, buffer_events_or},
    process::{self, WatchedTables},
    stream::{RunningLog, Streams},
    subscription::{
        Access, Configured, ConfiguredSubscription, Registry, Subscriptions, read as read_configured, source_of,
    },
    topic::Topics,
    verification::{ReceivedDelivery, is_genuine},
    webhook::Webhooks,
};

/// Thorn in an application: subscriptions, history, inline delivery, and a worker if one runs inside.
///
/// A handle that is cheap to clone; clones share everything.
///
/// # Examples
///
/// ```
/// # async fn example(db: sea_orm::DatabaseConnection) -> Result<(), thorn_core::Error> {
/// use thorn_core::{Thorn, migration};
///
/// migration::migrate(&db).await?;
/// let thorn = Thorn::builder(db).base_url("https://blog.example").build().await?;
/// let worker = thorn.start_worker().await?;
/// // … serve …
/// worker.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Thorn(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: DatabaseConnection,
    config: Config,
    subscriptions: Subscriptions,
    registry: Arc<Registry>,
    #[cfg(feature = "delivery")]
    delivering: deliverers::Delivering,
    watched: Arc<WatchedTables>,
    /// `None` unless [`Config::event_log`] asks for it.
    log: Option<RunningLog>,
}

impl Thorn {
    /// Returns a builder with the default settings on this database.
    pub fn builder(db: DatabaseConnection) -> ThornBuilder {
        ThornBuilder::new(db)
    }

    /// The database connection.
    #[must_use]
    pub fn db(&self) -> &DatabaseConnection {
        &self.0.db
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The subscriptions: create, list, change, delete.
    #[must_use]
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.0.subscriptions
    }

    /// The webhooks of the Hooks app that a caller may see, and the event types that they can be linked with.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the owner's id is empty, too long or has a NUL, or if the application keeps its subscriptions
    /// in a store of its own.
    pub fn webhooks(&self, access: Access<'_>) -> Result<Webhooks<'_>, Error> {
        Webhooks::new(&self.0.subscriptions, access)
    }

    /// Past and waiting deliveries, of one event or to one subscription.
    #[must_use]
    pub fn history(&self) -> History<'_> {
        History::new(&self.0.db)
    }

    /// The API keys of the stand-alone server: create, list, revoke.
    #[must_use]
    pub fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys::new(&self.0.db)
    }

    /// The hub's topics: register, find, list, ping, delete.
    #[must_use]
    pub fn topics(&self) -> Topics<'_> {
        Topics::new(&self.0.db)
    }

    /// Whether thorn has sent the delivery that somebody received: its ids belong together, the event has exactly this
    /// body, and the signature is valid. Signatures don't expire here.
    ///
    /// Once the event or the subscription is deleted, the answer is no.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]; [`Error::Secret`] for a secret that can't be decrypted.
    pub async fn has_sent(&self, received: &ReceivedDelivery<'_>) -> Result<bool, Error> {
        let key = self.0.config.sealing_key();
        let source = self.0.config.cloud_source();
        is_genuine(received, &self.0.db, &self.0.subscriptions, key.as_ref(), source).await
    }

    /// Replaces the subscriptions that are configured under this name with this list, without a restart. An
    /// empty list removes them. See [`ThornBuilder::configured_subscriptions`].
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] with every mistake in the list; [`Error::Database`]. In both cases nothing is
    /// changed.
    pub async fn configure_subscriptions(
        &self,
        source: &str,
        list: impl IntoIterator<Item = ConfiguredSubscription>,
    ) -> Result<Configured, Error> {
        self.0.subscriptions.configure(source, list).await
    }

    /// Reads [`Config::subscriptions_file`] again and configures what it lists. Without a file, does nothing.
    ///
    /// # Errors
    ///
    /// As [`configure_subscriptions`](Self::configure_subscriptions); [`Error::Configuration`] as well if the file
    /// can't be read.
    pub async fn reload_subscriptions(&self) -> Result<Configured, Error> {
        let Some(path) = &self.0.config.subscriptions_file else { return Ok(Configured::default()) };
        let list = read_configured(path, &|name| std::env::var(name).ok())?;
        self.configure_subscriptions(&source_of(path), list).await
    }

    /// Runs `work` in a transaction. Commits if `work` returns `Ok`, and rolls back if it returns an error.
    ///
    /// Events with [`Dispatch::Inline`](crate::Dispatch::Inline) are delivered after the commit, before this
    /// function returns.
    ///
    /// Events are [buffered](crate::outbox::buffer_events) in memory while `work` runs. One INSERT for every 512
    /// events writes them before the commit. So in a transaction with many saves, an event costs a fraction
    /// of what it costs in a transaction that the caller begins.
    ///
    /// On SQLite the transaction takes the write lock when it begins, so that it may read before it writes.
    ///
    /// # Errors
    ///
    /// The error of `work`; [`Error::Database`] if the transaction can't begin or commit; [`Error::Flush`] if
    /// the events can't be written. In each case nothing is changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::{Error, Thorn, event::Event};
    ///
    /// async fn close(account: i64, thorn: &Thorn) -> Result<(), Error> {
    ///     thorn
    ///         .transaction(async |txn| {
    ///             // … changes on `txn` …
    ///             Event::new("account.closed").sender(account).send(txn, &account).await.map(drop)
    ///         })
    ///         .await
    /// }
    /// ```
    pub async fn transaction<T, E>(&self, work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        process::after_commit(async {
            let txn = transaction::begin(&self.0.db).await.map_err(Error::from)?;
            let result = buffer_events_or(&txn, OnError::Discard, |_| work(&txn)).await;
            end(txn, result).await
        })
        .await
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    ///
    /// [`Error::Database`], or [`Error::DatabaseTimeout`] if no answer comes.
    pub async fn ping(&self) -> Result<(), Error> {
        with_timeout(&self.0.db, async { Ok(self.0.db.ping().await?) }).await
    }

    /// The streams of committed events. They need [`ThornBuilder::event_log`].
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the log of events is off.
    pub fn streams(&self) -> Result<&Streams, Error> {
        let log = self.0.log.as_ref().ok_or_else(|| {
            Error::option("event_log", "it is off, so there are no streams; build the `Thorn` with `.event_log(true)`")
        })?;
        Ok(&log.streams)
    }

    /// The hub of this `Thorn`, which is reached at `url`.
    #[must_use]
    pub fn hub<'a>(&'a self, url: &'a str) -> Hub<'a> {
        Hub::new(
            &self.0.db,
            &self.0.config,
            &self.0.subscriptions,
            url,
            #[cfg(feature = "delivery")]
            &self.0.delivering.verifier,
        )
    }

    /// The health of a subscription, its attempts over time, and what waits.
    ///
    /// # Errors
    ///
    /// As [`Subscriptions::get`], if the subscription doesn't exist or the caller may not see it; [`Error::Database`].
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::{Error, SubscriptionId, Thorn, history::StatsWindow, subscription::Access, timestamp::Timestamp};
    ///
    /// async fn show(thorn: &Thorn, id: SubscriptionId) -> Result<(), Error> {
    ///     let window = StatsWindow::new(None, None, None, Timestamp::now()).expect("the last day");
    ///     let stats = thorn.stats(Access::Owner("alice"), id, window).await?;
    ///     println!("{:?}, {} attempts, {} waiting", stats.health, stats.attempts, stats.waiting);
    ///     Ok(())
    /// }
    /// ```
    pub async fn stats(&self, access: Access<'_>, id: SubscriptionId, window: StatsWindow) -> Result<Stats, Error> {
        let subscription = self.0.subscriptions.get(access, id).await?;
        Stats::read(&self.0.db, access, &subscription, window, self.0.config.disable_after).await
    }

    /// Counts the events and deliveries that wait, and the subscriptions whose deliveries are held, in the whole database.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]; with a store of the application's own, that store's error.
    pub async fn status(&self) -> Result<Status, Error> {
        let held = self.0.subscriptions.held(&self.0.registry).await?;
        Status::read(&self.0.db, held).await
    }
}
