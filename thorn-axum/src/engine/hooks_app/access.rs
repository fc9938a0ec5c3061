//! The webhooks and event types that a caller may see.

use thorn_core::webhook::Webhooks;

use crate::{
    engine::{authorized::Authorized, state::EngineState},
    http::{Caller as _, Problem},
};

/// Those of the key's owner.
pub(super) fn webhooks_of<'a, S>(state: &'a EngineState, caller: &Authorized<S>) -> Result<Webhooks<'a>, Problem> {
    Ok(state.thorn.webhooks(caller.access())?)
}
