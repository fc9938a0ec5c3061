//! Connections by the rules they were opened under.

use std::sync::{Arc, Mutex, PoisonError};

use super::{ClientConfig, failure::Failure, pools::Pools};
use crate::{
    attempt::Outcome,
    error::Error,
    guard::{TargetGuard, Validator},
};

/// Lists of validators whose connections are kept, besides the client's own. Applications have few;
/// a list that was pushed out is set up again when it comes back.
const LISTS: usize = 16;

/// A guard and the connections it let through.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) guard: TargetGuard,
    pub(super) pools: Pools,
}

/// The client's own guard, and one for each list of validators that events bring. A connection is
/// never used under other rules than those it was opened under: the check is made when opening it.
#[derive(Debug)]
pub(super) struct Guarded {
    config: ClientConfig,
    own: Arc<Behind>,
    /// The most recently used last.
    others: Mutex<Vec<Arc<Behind>>>,
}

impl Guarded {
    pub(super) fn new(config: ClientConfig) -> Result<Self, Error> {
        let own = Arc::new(Behind { pools: Pools::new(&config)?, guard: config.guard.clone() });
        Ok(Self { config, own, others: Mutex::default() })
    }

    /// The guard with these validators, or the client's own.
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
