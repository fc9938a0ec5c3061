//! Connections, grouped by the validators that were in force when they were opened.

use std::sync::{Arc, Mutex, PoisonError};

use super::{ClientConfig, failure::Failure, pools::Pools};
use crate::{
    attempt::Outcome,
    error::Error,
    guard::{TargetGuard, Validator},
};

/// How many lists of validators keep their connections, besides the client's own list. Applications have few
/// lists. A list that was evicted is set up again when an event brings it again.
const LISTS: usize = 16;

/// A guard, and the connections that it allowed.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) guard: TargetGuard,
    pub(super) pools: Pools,
}

/// The client's own guard, and a guard for each list of validators that events bring. The guard checks a connection
/// only when the connection is opened. So a connection is never used under other rules.
#[derive(Debug)]
pub(super) struct Guarded {
    config: ClientConfig,
    own: Arc<Behind>,
    /// Ordered by last use. The most recently used guard is last.
    others: Mutex<Vec<Arc<Behind>>>,
}

impl Guarded {
    pub(super) fn new(config: ClientConfig) -> Result<Self, Error> {
        let own = Arc::new(Behind { pools: Pools::new(&config)?, guard: config.guard.clone() });
        Ok(Self { config, own, others: Mutex::default() })
    }

    /// The guard with these validators, or the client's own guard if there are none.
    pub(super) fn by(&self, validators: Option<&[Validator]>) -> Result<Arc<Behind>, Failure> {
        let Some(validators) = validators.filter(|validators| *validators != self.own.guard.rules()) else {
            return Ok(Arc::clone(&self.own));
        };
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = match others.iter().position(|behind| behind.guard.rules() == validators) {
            Some(found) => others.remove(found),
            None => Arc::new(
                self.set_up(validators)
                    .map_err(|error| Failure { outcome: Outcome::Unreachable, reason: error.to_string() })?,
            ),
        };
        if others.len() >= LISTS {
            others.remove(0);
        }
        others.push(Arc::clone(&behind));
        Ok(behind)
    }

    fn set_up(&self, validators: &[Validator]) -> Result<Behind, Error> {
        let guard = self.config.guard.clone().validators(validators.iter().cloned());
        let config = ClientConfig { guard: guard.clone(), ..self.config.clone() };
        Ok(Behind { pools: Pools::new(&config)?, guard })
    }
}
