//! The handle an application holds.

mod builder;
mod check;
mod setters;

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
    history::{Delivery, History, Sent, Status},
    inline::{Inline, InlineScope},
    model::end,
    outbox::{OnError, buffer_events_or},
    process::{self, WatchedTables},
    relay::Dispatcher,
    subscription::{Configured, ConfiguredSubscription, Registry, Subscriptions, read as read_configured, source_of},
    worker::{Worker, WorkerParts},
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
    observers: Observers,
    inline: Arc<Inline>,
    dispatchers: Dispatchers,
    watched: Arc<WatchedTables>,
}

type Dispatchers = BTreeMap<String, Arc<dyn Dispatcher>>;

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

    /// Past and waiting deliveries, of one event or to one subscription.
    #[must_use]
    pub fn history(&self) -> History<'_> {
        History::new(&self.0.db)
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

    /// Runs `work`, then delivers the events that it sent from this process. Returns the output of `work`
    /// and the deliveries.
    ///
    /// Events of every transaction that is committed inside `work` are delivered, whoever began it. An event
    /// that is rolled back is never sent. An event whose transaction is still open at the end goes by the
    /// queue.
    ///
    /// The queue also takes deliveries that failed and may be retried, deliveries to a busy endpoint, and
    /// deliveries that didn't begin within [`Config::timeout`]. They wait for a worker, and the list shows
    /// them as waiting.
    ///
    /// Events of other tasks aren't included, not even of tasks that `work` spawns. Inside another `inline`
    /// or [`transaction`](Self::transaction), the events are delivered when the outermost call ends, and the
    /// list of the inner call is empty.
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

    /// Sends an event in a transaction of its own and delivers it before this function returns, unless the
    /// event or the application chooses another [`Dispatch`](crate::Dispatch).
    ///
    /// A failed delivery isn't an error of this function: its outcome says so, and a worker retries it. Inside
    /// [`transaction`](Self::transaction) or [`inline`](Self::inline), the event is delivered when that call
    /// ends.
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
    /// If the pool logs its statements at INFO, SeaORM's default, it logs them at DEBUG from now on. Otherwise an
    /// idle worker would write dozens of lines a second.
    ///
    /// # Errors
    ///
    /// [`Error::Queue`] if the queue can't be opened, [`Error::Option`] if the HTTP client can't be built.
    pub async fn start_worker(&self) -> Result<Worker, Error> {
        let Inner { db, config, registry, subscriptions, observers, dispatchers, .. } = &*self.0;
        Worker::start(WorkerParts { db, config, registry, subscriptions, observers, dispatchers }).await
    }

    /// Counts the events and deliveries that wait, in the whole database.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn status(&self) -> Result<Status, Error> {
        Status::read(&self.0.db).await
    }
}
