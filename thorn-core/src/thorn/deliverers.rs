//! The machines of a `Thorn` that deliver in its process, and what the application gives them.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use sea_orm::DatabaseConnection;

use crate::{
    config::Config,
    consent::Consents,
    delivery::Observers,
    dispatch::{self, Dispatch},
    error::Error,
    hub::Verifier,
    inline::Inline,
    process::Deliverer,
    relay::Dispatcher,
    subscription::{Registry, Subscriptions},
};

/// The observers and dispatchers that the application gives to the machines that deliver.
#[derive(Clone, Debug, Default)]
pub(super) struct DeliveringParts {
    pub(super) observers: Observers,
    pub(super) dispatchers: BTreeMap<String, Arc<dyn Dispatcher>>,
}

impl DeliveringParts {
    /// Checks the dispatchers' names, and that there is one which the settings choose.
    pub(super) fn check(&self, config: &Config) -> Result<(), Error> {
        for name in self.dispatchers.keys() {
            dispatch::check_name(name)?;
        }
        match &config.dispatch {
            Dispatch::Custom(name) if !self.dispatchers.contains_key(&**name) => Err(Error::option(
                "dispatch",
                format!("no dispatcher `{name}` is registered; add `.dispatcher(\"{name}\", …)`"),
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn build(
        self,
        db: &DatabaseConnection,
        registry: &Arc<Registry>,
        subscriptions: &Subscriptions,
        config: &Config,
    ) -> Delivering {
        let inline =
            Inline::new(db.clone(), registry.clone(), subscriptions.clone(), self.observers.clone(), config.clone());
        Delivering { inline: Arc::new(inline), consents: Consents::default(), parts: self, verifier: OnceLock::new() }
    }
}

/// The machines of a [`Thorn`] that deliver in its process.
#[derive(Debug)]
pub(super) struct Delivering {
    pub(super) inline: Arc<Inline>,
    pub(super) consents: Consents,
    pub(super) parts: DeliveringParts,
    /// Asks callbacks of the hub while a request waits.
    pub(super) verifier: OnceLock<Verifier>,
}

impl Delivering {
    pub(super) fn deliverer(&self) -> Deliverer {
        (self.inline.clone(), self.parts.dispatchers.keys().cloned().collect())
    }
}
