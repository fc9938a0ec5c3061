//! The builder: settings and the application's own parts, before thorn is built.

use std::{fmt, sync::Arc};

use sea_orm::DatabaseConnection;

#[cfg(not(feature = "delivery"))]
use super::check::check_dispatch;
use super::{
    Inner, Thorn,
    check::{check_sources, check_tables},
};
use crate::{
    background::Background,
    config::Config,
    error::Error,
    pattern::Pattern,
    process::{self, Recipients, WatchedTables},
    rendered::{Callback, CallbackError, EventInfo, Function},
    spec::Subscriber,
    stream::RunningLog,
    subscription::{ConfiguredSubscription, Registry, SubscriptionStore, Subscriptions},
    watch::{self, Watch, keep_fresh, refresh},
    webhook,
};

/// Builds a [`Thorn`] from settings and parts of the application.
#[derive(Clone)]
#[must_use]
pub struct ThornBuilder {
    pub(super) db: DatabaseConnection,
    pub(super) config: Config,
    callbacks: Vec<(String, Arc<Function>)>,
    configured: Vec<(String, Vec<ConfiguredSubscription>)>,
    store: Option<Arc<dyn SubscriptionStore>>,
    #[cfg(feature = "delivery")]
    pub(super) delivering: super::deliverers::DeliveringParts,
    watch: Option<Watch>,
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
            #[cfg(feature = "delivery")]
            delivering: super::deliverers::DeliveringParts::default(),
            watch: None,
        }
    }

    /// Replaces all settings that were set so far.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Asks the application for more recipients of each event that matches the pattern.
    ///
    /// Thorn calls the function when it writes the event: inside the change's transaction, in the process
    /// that makes the change. So the function should be quick. If it fails or panics, the save or send fails
    /// with it, and nothing is written.
    ///
    /// Use it as well to choose recipients by the event's data: send an event that nobody subscribes to, and
    /// let the function name its recipients.
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

    /// Configures subscriptions that this application always has, under a name of their own.
    ///
    /// [`build`](Self::build) adds, changes and deletes rows until the subscriptions with this name are those
    /// of the list. Every worker serves them; a worker needn't know the list.
    ///
    /// If a later release doesn't give the list, its subscriptions stay. To remove them, give an empty list.
    /// Two lists can't have the same name.
    pub fn configured_subscriptions(
        mut self,
        source: impl Into<String>,
        list: impl IntoIterator<Item = ConfiguredSubscription>,
    ) -> Self {
        self.configured.push((source.into(), list.into_iter().collect()));
        self
    }

    /// Watches the tables of models for changes that went past their hooks, see [`watch`](crate::watch).
    ///
    /// [`build`](Self::build) puts triggers on the tables, unless they are there. A release without this call leaves
    /// them there: [`watch::remove`](crate::watch::remove) takes them away.
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Keeps subscriptions in a store of the application instead of thorn's table. All processes on this
    /// database need the same store.
    pub fn subscription_store(mut self, store: Arc<dyn SubscriptionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Checks the settings and the parts, which needs no database.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.config.check()?;
        #[cfg(feature = "delivery")]
        self.delivering.check(&self.config)?;
        #[cfg(not(feature = "delivery"))]
        check_dispatch(&self.config)?;
        check_sources(&self.config, &self.configured)
    }

    /// Checks the settings and the tables, and returns the `Thorn`.
    ///
    /// Some settings are in force for the whole process, because `SeaORM` hands a model's hooks nothing but a
    /// connection: `base_url`, `max_event_bytes`, `max_payload_bytes`, `autocommit`, `dispatch`, `recipients`, and, for recipients
    /// that an event names, `secret_key` and the rules for addresses. The `Thorn` that was built last decides.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for an invalid setting, [`Error::Pattern`] for an invalid pattern of `recipients`,
    /// [`Error::Configuration`] for invalid configured subscriptions, [`Error::Database`] if thorn's tables are
    /// missing.
    pub async fn build(self) -> Result<Thorn, Error> {
        self.check()?;
        let Self { db, config, callbacks, configured, store, watch, .. } = self;
        check_tables(&db).await?;
        let watched = Arc::new(WatchedTables::default());
        refresh(&db, &watched).await?;
        let callback = |(pattern, function): (String, _)| Ok(Callback::new(Pattern::parse(&pattern)?, function));
        let callbacks = callbacks.into_iter().map(callback).collect::<Result<_, Error>>()?;
        let settings = Arc::new(config.event_settings());
        let secret_key = config.sealing_key();
        let recipients = Arc::new(Recipients { key: secret_key.clone(), guard: config.guard(), callbacks });
        let mut subscriptions = Subscriptions::new(db.clone(), Arc::new(config.guard()), secret_key.clone())
            .with_signer(config.hmac_signer)
            .with_quotas(config.quotas())
            .with_confirm(config.confirm);
        if let Some(choices) = config.event_choices.clone() {
            subscriptions = subscriptions.with_event_choices(choices);
        }
        let mut registry = Registry::new(secret_key);
        if let Some(store) = store {
            subscriptions = subscriptions.with_store(store.clone());
            registry = registry.with_store(store);
        }
        let registry = Arc::new(registry);
        let log = if config.event_log { Some(RunningLog::start(&db, &config).await?) } else { None };
        let thorn = Thorn(Arc::new(Inner {
            #[cfg(feature = "delivery")]
            delivering: self.delivering.build(&db, &registry, &subscriptions, &config),
            db,
            config,
            subscriptions,
            registry,
            watched,
            log,
        }));
        let resealed = match thorn.0.subscriptions.reseal().await {
            Ok(_) => webhook::reseal(&thorn.0.subscriptions).await,
            Err(error) => Err(error),
        };
        if let Err(error) = resealed {
            tracing::warn!(%error, "can't encrypt what an earlier release stored; the next start tries again");
        }
        thorn.reload_subscriptions().await?;
        for (source, list) in configured {
            thorn.configure_subscriptions(&source, list).await?;
        }
        if let Some(watch) = watch {
            watch::install(&thorn.0.db, watch).await?;
        }
        // Comes last and in one step, so that a `Thorn` that can't be built changes nothing in the process.
        #[cfg(feature = "delivery")]
        let deliverer = Some(thorn.0.delivering.deliverer());
        #[cfg(not(feature = "delivery"))]
        let deliverer = None;
        process::configure(&settings, &recipients, deliverer.as_ref());
        process::follow_database(&thorn.0.watched);
        Background::default().spawn("watched tables", Arc::downgrade(&thorn.0), |thorn| {
            keep_fresh(thorn, |inner| (&inner.db, &inner.watched))
        });
        Ok(thorn)
    }
}
