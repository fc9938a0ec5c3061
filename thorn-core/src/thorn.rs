//! The handle an application holds.

mod builder;

pub use self::builder::ThornBuilder;

use std::{collections::BTreeMap, sync::Arc};

use sea_orm::{DatabaseConnection, DatabaseTransaction};
use serde::Serialize;

use crate::{
    config::Config,
    db::transaction,
    delivery::Observers,
    error::Error,
    event::Event,
    history::{Delivery, History, Status},
    id::EventId,
    inline::{Inline, InlineScope},
    model::end,
    outbox::{OnError, buffer_events_or},
    process,
    relay::Dispatcher,
    subscription::{Configured, ConfiguredSubscription, Registry, Subscriptions, read as read_configured, source_of},
    worker::{Worker, WorkerParts},
};

/// Thorn in an application: subscriptions, and a worker if it is to run inside.
///
/// A cheap handle; clones share everything.
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
    observers: Observers,
    inline: Arc<Inline>,
    dispatchers: Dispatchers,
}

type Dispatchers = BTreeMap<String, Arc<dyn Dispatcher>>;

/// An event that was sent and delivered; see [`Thorn::send_now`].
#[derive(Clone, Debug)]
pub struct Sent {
    /// The event's id.
    pub id: EventId,
    /// What came of each delivery.
    pub deliveries: Vec<Delivery>,
}

impl Thorn {
    /// Begins with the default settings on this database.
    pub fn builder(db: DatabaseConnection) -> ThornBuilder {
        ThornBuilder::new(db)
    }

    /// The database.
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

    /// Past and waiting deliveries, of one event or to one subscription.
    #[must_use]
    pub fn history(&self) -> History<'_> {
        History::new(&self.0.db)
    }

    /// Makes this list all that is configured under this name, at once and without a restart; an empty
    /// one removes it. See [`ThornBuilder::configured_subscriptions`].
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] with everything that is wrong, and then nothing is changed;
    /// [`Error::Database`].
    pub async fn configure_subscriptions(
        &self,
        source: &str,
        list: impl IntoIterator<Item = ConfiguredSubscription>,
    ) -> Result<Configured, Error> {
        self.0.subscriptions.configure(source, list).await
    }

    /// Reads the file of subscriptions again, if there is one (`THORN_SUBSCRIBERS`).
    ///
    /// # Errors
    ///
    /// As [`configure_subscriptions`](Self::configure_subscriptions), and if the file can't be read.
    pub async fn reload_subscriptions(&self) -> Result<Configured, Error> {
        let Some(path) = &self.0.config.subscriptions_file else { return Ok(Configured::default()) };
        let list = read_configured(path, &|name| std::env::var(name).ok())?;
        self.configure_subscriptions(&source_of(path), list).await
    }

    /// Runs `work` in a transaction and commits it, or rolls it back if it returns an error. Events
    /// that are [dispatched inline](crate::Dispatch::Inline) are delivered after the commit, before this
    /// returns.
    ///
    /// Events are [buffered](crate::buffer_events) until `work` has ended, and written with one INSERT
    /// before the commit, or one for each 512: in a transaction of many saves an event costs a fraction of
    /// what it does in one of the caller's own, and is in memory until then.
    ///
    /// On SQLite the transaction has the write lock from its beginning, so that it may read first.
    ///
    /// # Errors
    ///
    /// What `work` returned; [`Error::Database`] if it can't begin or commit, [`Error::Flush`] if the events
    /// can't be written. Then nothing is changed.
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

    /// Runs `work`, delivers every event that is sent in it from this process, once it has ended,
    /// and returns what came of each delivery as well.
    ///
    /// Transactions that are committed inside are waited for, whoever began them; what is rolled
    /// back is never sent, and what is still open at the end goes by the queue. So do deliveries
    /// that fail and may be tried again, those to an endpoint that is busy, and those that haven't
    /// had their turn after [`Config::timeout`]. Without a worker they stay where they are and can be
    /// read here.
    ///
    /// Events of other tasks aren't included, also of tasks spawned inside. In another such scope,
    /// or inside [`transaction`](Self::transaction), all is delivered when the outermost ends, and
    /// the list here is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::{Error, Thorn, event::Event};
    ///
    /// async fn announce(thorn: &Thorn) -> Result<(), Error> {
    ///     let (sent, deliveries) = thorn.inline(Event::new("a.b").broadcast().send(thorn.db(), &1)).await;
    ///     println!("event {} went to {} receivers", sent?, deliveries.len());
    ///     Ok(())
    /// }
    /// ```
    pub async fn inline<F: Future>(&self, work: F) -> (F::Output, Vec<Delivery>) {
        InlineScope::run(self.0.inline.clone(), Box::pin(work)).await
    }

    /// Sends an event by hand and delivers it now, unless it or the application says otherwise:
    /// after its own commit, before this returns. A delivery that fails is no error, but one of the
    /// outcomes; it is retried by a worker.
    ///
    /// Inside [`transaction`](Self::transaction) or [`inline`](Self::inline) it is delivered when
    /// that ends.
    ///
    /// # Errors
    ///
    /// As [`Event::send`].
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::{Error, Thorn, attempt::Outcome, event::Event};
    ///
    /// async fn ping(thorn: &Thorn) -> Result<bool, Error> {
    ///     let sent = thorn.send_now(Event::new("ping").broadcast(), &()).await?;
    ///     Ok(sent.deliveries.iter().all(|delivery| delivery.outcome == Some(Outcome::Delivered)))
    /// }
    /// ```
    pub async fn send_now<P: Serialize + ?Sized>(&self, event: Event, payload: &P) -> Result<Sent, Error> {
        let (id, deliveries) = self.inline(event.send(&self.0.db, payload)).await;
        Ok(Sent { id: id?, deliveries })
    }

    /// Starts a worker inside this process.
    ///
    /// # Errors
    ///
    /// [`Error::Queue`] if the queue can't be opened, [`Error::Option`] if the HTTP client can't be built.
    pub async fn start_worker(&self) -> Result<Worker, Error> {
        let Inner { db, config, registry, subscriptions, observers, dispatchers, .. } = &*self.0;
        Worker::start(WorkerParts { db, config, registry, subscriptions, observers, dispatchers }).await
    }

    /// What is waiting, in the whole system.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn status(&self) -> Result<Status, Error> {
        Status::read(&self.0.db).await
    }
}
