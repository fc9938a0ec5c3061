//! The state that the handlers of the hooks API share.

use std::sync::Arc;

use thorn_core::{Thorn, subscription::Subscriptions};

/// The state of the hooks API. It travels in the request's extensions, because the router's own state
/// belongs to the application and its extractors.
pub(super) struct HooksState(pub(super) Thorn);

impl HooksState {
    pub(super) fn subscriptions(&self) -> &Subscriptions {
        self.0.subscriptions()
    }
}

pub(super) type State = Arc<HooksState>;
