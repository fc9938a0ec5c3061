//! Settings, and what an application brings along, before thorn is built.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use sea_orm::{DatabaseConnection, DbErr, EntityTrait, prelude::Uuid};

use super::{Dispatchers, Inner, Thorn};
use crate::{
    attempt::RetryPolicy,
    config::Config,
    delivery::{DeliveryObserver, Observers},
    dispatch::{self, Dispatch},
    error::Error,
    guard::Validator,
    inline::Inline,
    pattern::Pattern,
    process::{self, AutocommitPolicy, InlineDelivery, Recipients},
    queue::QueueUrl,
    relay::Dispatcher,
    rendered::{Callback, CallbackError, EventInfo, Function},
    signing::{SecretKey, Signer},
    spec::Subscriber,
    subscription::{ConfiguredSubscription, Registry, SubscriptionStore, Subscriptions, source_of},
    tables::{event, subscription as entity},
};

/// Settings of [`Thorn`] before it is built.
#[derive(Clone)]
#[must_use]
pub struct ThornBuilder {
    db: DatabaseConnection,
    config: Config,
    callbacks: Vec<(String, Arc<Function>)>,
    configured: Vec<(String, Vec<ConfiguredSubscription>)>,
    store: Option<Arc<dyn SubscriptionStore>>,
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

impl fmt::Debug for ThornBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThornBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl ThornBuilder {
    pub(super) fn new(db: DatabaseConnection) -> Self {
        Self {
            db,
            config: Config::default(),
            callbacks: Vec::new(),
            configured: Vec::new(),
            store: None,
            observers: Observers::default(),
            dispatchers: BTreeMap::new(),
        }
    }

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

    /// Asks the application for more recipients of each event that the pattern means. The function is
    /// called when the event is written, inside the change's transaction, in the process that writes it:
    /// it should be quick, and it sees the event as it is sent. Its error or panic is that of the save or
    /// send, and then nothing is written.
    ///
    /// This is also where rows are told apart: who may hear of an event at all is decided by owners and
    /// senders, or here, by an event that nobody subscribes to and a function that names its recipients.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example(db: sea_orm::DatabaseConnection) -> Result<(), thorn_core::Error> {
    /// use thorn_core::{Thorn, subscription::Subscriber};
    ///
    /// let thorn = Thorn::builder(db)
    ///     .recipients("invoice.*", |event| {
    ///         let invoice: serde_json::Value = event.data()?;
    ///         let customer = invoice["customer"].as_str().ok_or("an invoice without a customer")?;
    ///         Ok([Subscriber::unsigned(format!("https://billing.example/{customer}"))?])
    ///     })
    ///     .build()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn recipients<F, I>(mut self, pattern: impl Into<String>, callback: F) -> Self
    where
        F: Fn(&EventInfo<'_>) -> Result<I, CallbackError> + Send + Sync + 'static,
        I: IntoIterator<Item = Subscriber>,
    {
        let named = move |event: &EventInfo<'_>| callback(event).map(|named| named.into_iter().collect());
        self.callbacks.push((pattern.into(), Arc::new(named)));
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

    /// Subscriptions that this application always has. When it is built, they are brought into the
    /// database under this name, which is all its own: there, they are what this list says, added,
    /// changed or deleted as it takes. Workers serve them like any other, so a worker needn't know them.
    ///
    /// A list that is no longer given stays as it was. To remove it, give an empty one. Two lists can't
    /// have one name.
    pub fn configured_subscriptions(
        mut self,
        source: impl Into<String>,
        list: impl IntoIterator<Item = ConfiguredSubscription>,
    ) -> Self {
        self.configured.push((source.into(), list.into_iter().collect()));
        self
    }

    /// Configures the subscriptions of a JSON file, under the file's name. It is a list of objects with
    /// `event` (a pattern) and `url`; one of `secret`, `secret_env` (the environment variable that holds
    /// it) and `"unsigned": true`; and as wanted `filter`, `owner`, `digest`, `signer`, `content_type`, `headers`
    /// (an object) and `id`.
    ///
    /// ```json
    /// [
    ///   {"event": "article.*", "url": "https://search.example/index", "secret_env": "SEARCH_SECRET"},
    ///   {"event": "*", "url": "https://audit.example/log", "unsigned": true}
    /// ]
    /// ```
    pub fn subscriptions_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.subscriptions_file = Some(path.into());
        self
    }

    /// Keeps subscriptions in a store of the application's own instead of thorn's table. All processes
    /// of this database need the same one.
    pub fn subscription_store(mut self, store: Arc<dyn SubscriptionStore>) -> Self {
        self.store = Some(store);
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
        keep_unmatched: Option<Duration>,
    }

    /// Checks the settings and the tables.
    ///
    /// What concerns events while they are written (`base_url`, `max_event_bytes`, `autocommit`, `dispatch`,
    /// and for the recipients they bring `recipients`, `secret_key` and the rules for recipients) is set
    /// for the whole process, because `SeaORM` hands a model's hooks nothing but a connection.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for a senseless setting, [`Error::Pattern`] for a callback's, [`Error::Configuration`]
    /// for configured subscriptions, [`Error::Database`] if thorn's tables are missing.
    pub async fn build(self) -> Result<Thorn, Error> {
        let Self { db, config, callbacks, configured, store, observers, dispatchers } = self;
        config.check()?;
        for name in dispatchers.keys() {
            dispatch::check_name(name)?;
        }
        if let Dispatch::Custom(name) = &config.dispatch
            && !dispatchers.contains_key(&**name)
        {
            return Err(Error::option(
                "dispatch",
                format!("no dispatcher `{name}` is registered; add `.dispatcher(\"{name}\", …)`"),
            ));
        }
        check_sources(&config, &configured)?;
        check_tables(&db).await?;
        let callback = |(pattern, function): (String, _)| Ok(Callback::new(Pattern::parse(&pattern)?, function));
        let callbacks = callbacks.into_iter().map(callback).collect::<Result<_, Error>>()?;
        let settings = Arc::new(config.event_settings());
        let recipients = Arc::new(Recipients { key: config.secret_key.clone(), guard: config.guard(), callbacks });
        let mut subscriptions = Subscriptions::new(db.clone(), Arc::new(config.guard()), config.secret_key.clone())
            .with_signer(config.hmac_signer);
        if let Some(choices) = config.event_choices.clone() {
            subscriptions = subscriptions.with_event_choices(choices);
        }
        let mut registry = Registry::new(config.secret_key.clone());
        if let Some(store) = store {
            subscriptions = subscriptions.with_store(store.clone());
            registry = registry.with_store(store);
        }
        let registry = Arc::new(registry);
        let inline =
            Inline::new(db.clone(), registry.clone(), subscriptions.clone(), observers.clone(), config.clone());
        let inline = Arc::new(inline);
        let thorn = Thorn(Arc::new(Inner { db, config, subscriptions, registry, observers, inline, dispatchers }));
        thorn.reload_subscriptions().await?;
        for (source, list) in configured {
            thorn.configure_subscriptions(&source, list).await?;
        }
        // Last, and in one step: a `Thorn` that can't be built changes nothing of the process.
        let inline: Arc<dyn InlineDelivery> = thorn.0.inline.clone();
        let dispatchers: Vec<String> = thorn.0.dispatchers.keys().cloned().collect();
        process::configure(&settings, &recipients, &inline, &dispatchers);
        Ok(thorn)
    }
}

/// Each list is all that there is under its name: a second one would delete what the first has added.
fn check_sources(config: &Config, configured: &[(String, Vec<ConfiguredSubscription>)]) -> Result<(), Error> {
    let mut seen: HashSet<String> = config.subscriptions_file.iter().map(|path| source_of(path)).collect();
    match configured.iter().find(|(source, _)| !seen.insert(source.clone())) {
        None => Ok(()),
        Some((source, _)) => Err(Error::option(
            "configured subscriptions",
            format!("there are two lists under the name `{source}`; join them, or name one otherwise"),
        )),
    }
}

async fn check_tables(db: &DatabaseConnection) -> Result<(), Error> {
    match entity::registry::Entity::find_by_id(1).one(db).await {
        Ok(Some(_)) => {}
        Ok(None) => return Err(missing("the row of table `thorn_registry` is missing")),
        Err(error) if db.ping().await.is_ok() => return Err(missing(&error.to_string())),
        Err(error) => return Err(error.into()),
    }
    // Which no row has; all its columns are asked for, of which an older release's table has fewer.
    let id = Uuid::nil();
    check_columns("thorn_subscription", entity::Entity::find_by_id(id).one(db).await, db).await?;
    check_columns("thorn_event", event::Entity::find_by_id(id).one(db).await, db).await
}

async fn check_columns<T>(table: &str, read: Result<T, DbErr>, db: &DatabaseConnection) -> Result<(), Error> {
    match read {
        Ok(_) => Ok(()),
        Err(error) if db.ping().await.is_ok() => {
            Err(missing(&format!("table `{table}` is of an older release: {error}")))
        }
        Err(error) => Err(error.into()),
    }
}

fn missing(what: &str) -> Error {
    Error::Database(DbErr::Custom(format!(
        "{what}; call `thorn::migrate(&db)` once, or add `thorn::migrations()` to your migrator"
    )))
}
