//! The handle an application holds.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use ipnet::IpNet;
use sea_orm::{DatabaseConnection, DatabaseTransaction, EntityTrait};
use serde::Serialize;

use crate::{
    AutocommitPolicy, Config, Error, EventId,
    delivery::{DeliveryObserver, Observers, RetryPolicy, Validator},
    dispatch::{self, Dispatch, Dispatcher, Inline, InlineScope},
    event::Event,
    history::{DeliveryRow, Status},
    model::transaction::end,
    queue::QueueUrl,
    settings,
    subscription::{Registry, SecretKey, Signer, Subscriptions, entity},
    worker::Worker,
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
    pub deliveries: Vec<DeliveryRow>,
}

impl Thorn {
    /// Begins with the default settings on this database.
    pub fn builder(db: DatabaseConnection) -> ThornBuilder {
        let (observers, dispatchers) = (Observers::default(), BTreeMap::new());
        ThornBuilder { db, config: Config::default(), observers, dispatchers }
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

    pub(crate) fn observers(&self) -> &Observers {
        &self.0.observers
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.0.registry
    }

    pub(crate) fn dispatchers(&self) -> &Dispatchers {
        &self.0.dispatchers
    }

    /// Runs `work` in a transaction and commits it, or rolls it back if it returns an error. Events
    /// that are [dispatched inline](Dispatch::Inline) are delivered after the commit, before this
    /// returns.
    ///
    /// On SQLite the transaction has the write lock from its beginning, so that it may read first.
    ///
    /// # Errors
    ///
    /// What `work` returned; [`Error::Database`] if it can't begin or commit.
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
        dispatch::after_commit(async {
            let txn = crate::transaction::begin(&self.0.db).await.map_err(Error::from)?;
            let result = work(&txn).await;
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
    pub async fn inline<F: Future>(&self, work: F) -> (F::Output, Vec<DeliveryRow>) {
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
    /// use thorn_core::{Error, Thorn, delivery::Outcome, event::Event};
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
        Worker::start(self).await
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

/// Settings of [`Thorn`] before it is built.
#[derive(Clone, Debug)]
#[must_use]
pub struct ThornBuilder {
    db: DatabaseConnection,
    config: Config,
    observers: Observers,
    dispatchers: Dispatchers,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.config.$name = $name;
            self
        }
    )*};
}

impl ThornBuilder {
    /// Replaces all settings.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Joined with events' references that are paths, for example `https://blog.example`.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.config.base_url = Some(base_url.into());
        self
    }

    /// Lets deliveries through to these networks, on any port.
    pub fn allow_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.config.allow_networks.extend(networks);
        self
    }

    /// Lets deliveries through to these addresses on exactly these ports.
    pub fn allow_addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.config.allow_addresses.extend(addresses);
        self
    }

    /// Rules for recipients, unless an event brings its own; they replace the default ones and
    /// `allow_ports`.
    pub fn validators(mut self, validators: impl IntoIterator<Item = Validator>) -> Self {
        self.config.validators = Some(validators.into_iter().collect());
        self
    }

    /// Encrypts secrets at rest.
    pub fn secret_key(mut self, key: SecretKey) -> Self {
        self.config.secret_key = Some(key);
        self
    }

    /// Subscriptions must mean at least one of these event names.
    pub fn event_choices(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.config.event_choices = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a dispatcher of the application's own, which events choose by
    /// [`Dispatch::custom`]. It is fed by workers of this `Thorn`.
    pub fn dispatcher(mut self, name: impl Into<String>, dispatcher: Arc<dyn Dispatcher>) -> Self {
        self.dispatchers.insert(name.into(), dispatcher);
        self
    }

    /// Has this told of every attempt that a worker of this process makes, and inline delivery.
    pub fn observer(mut self, observer: Arc<dyn DeliveryObserver>) -> Self {
        self.observers.push(observer);
        self
    }

    /// Queues tasks in Redis, or in the memory of a single process, instead of the application's own
    /// database: `"redis://queue.example/".parse()?`.
    pub fn queue_url(mut self, url: QueueUrl) -> Self {
        self.config.queue_url = Some(url);
        self
    }

    setters! {
        /// How events are dispatched that don't say so themselves. Default: by the queue.
        dispatch: Dispatch,
        /// Requests at once of all inline delivery in this process. Default 16.
        inline_concurrency: usize,
        /// Bytes a rendered event may have. Default 256 KiB.
        max_event_bytes: usize,
        /// What happens to saves outside a transaction. Default: refused.
        autocommit: AutocommitPolicy,
        /// How the `Hook-HMAC` of new subscriptions is made. Default [`Signer::Hmac`].
        hmac_signer: Signer,
        /// Total deadline of one attempt. Default 15 s.
        timeout: Duration,
        /// How failed deliveries are retried.
        retry: RetryPolicy,
        /// How often an idle worker looks for work it wasn't told of. Default 100 ms.
        poll_interval: Duration,
        /// A worker that is silent for this long loses its tasks to others. Default 20 s.
        takeover: Duration,
        /// How long after its fan-out an event is compared with what was recorded. Default 60 s.
        audit_after: Duration,
        /// How long nothing may get through to a subscription before it is disabled. Default 3 days;
        /// `None` never disables it.
        disable_after: Option<Duration>,
        /// How long events and their deliveries are kept. Default 30 days; `None` is for ever.
        keep: Option<Duration>,
        /// How long events are kept that nobody heard of. Default 1 day; `None` is as long as others.
        keep_unheard: Option<Duration>,
    }

    /// Checks the settings and the tables.
    ///
    /// What concerns events while they are written (`base_url`, `max_event_bytes`, `autocommit`,
    /// `dispatch`) is set for the whole process, because `SeaORM` hands a model's hooks nothing but a connection.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for a senseless setting, [`Error::Database`] if thorn's tables are missing.
    pub async fn build(self) -> Result<Thorn, Error> {
        let Self { db, config, observers, dispatchers } = self;
        config.check()?;
        for name in dispatchers.keys() {
            dispatch::check_name(name)?;
        }
        if let Dispatch::Custom(name) = &config.dispatch
            && !dispatchers.contains_key(&**name)
        {
            return Err(Error::Option {
                option: "dispatch",
                reason: format!("no dispatcher `{name}` is registered; add `.dispatcher(\"{name}\", …)`"),
            });
        }
        check_tables(&db).await?;
        settings::replace(config.event_settings());
        let mut subscriptions = Subscriptions::new(db.clone(), Arc::new(config.guard()), config.secret_key.clone())
            .with_signer(config.hmac_signer);
        if let Some(choices) = config.event_choices.clone() {
            subscriptions = subscriptions.with_event_choices(choices);
        }
        let registry = Arc::new(Registry::new(config.secret_key.clone()));
        let inline =
            Inline::new(db.clone(), registry.clone(), subscriptions.clone(), observers.clone(), config.clone());
        let inline = Arc::new(inline);
        dispatch::register(&inline, dispatchers.keys());
        Ok(Thorn(Arc::new(Inner { db, config, subscriptions, registry, observers, inline, dispatchers })))
    }
}

async fn check_tables(db: &DatabaseConnection) -> Result<(), Error> {
    match entity::registry::Entity::find_by_id(1).one(db).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(missing("the row of table `thorn_registry` is missing")),
        Err(error) if db.ping().await.is_ok() => Err(missing(&error.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn missing(what: &str) -> Error {
    Error::Database(sea_orm::DbErr::Custom(format!(
        "{what}; call `thorn::migrate(&db)` once, or add `thorn::migrations()` to your migrator"
    )))
}
