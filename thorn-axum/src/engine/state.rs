//! The state that the server's handlers share.

use std::{net::SocketAddr, sync::Arc};

use thorn_core::Thorn;

use super::{first_attempts::FirstAttempts, hub::RecentRequests, under_way::UnderWay, verify::SourceRates};

/// The state of the server. It travels in the request's extensions, because routers that an application mounts as well
/// have no state of the server's.
pub(super) struct EngineState {
    pub(super) thorn: Thorn,
    /// The beginning of the server's own URLs, without a slash at the end. It never comes from a request.
    pub(super) base_url: Arc<str>,
    /// Idempotency keys in use.
    pub(super) under_way: UnderWay,
    /// Callers who wait for the first attempt of their dispatch.
    pub(super) first_attempts: FirstAttempts,
    /// How often each address may ask whether thorn has sent something.
    pub(super) verify_rates: SourceRates,
    /// The latest requests of the hub's subscribers, by address.
    pub(super) hub_requests: RecentRequests,
}

pub(super) type State = Arc<EngineState>;

impl EngineState {
    pub(super) fn new(thorn: &Thorn, listen: SocketAddr) -> Self {
        let base_url = match &thorn.config().base_url {
            Some(url) => url.trim_end_matches('/').into(),
            None => format!("http://{listen}").into(),
        };
        Self {
            thorn: thorn.clone(),
            base_url,
            under_way: UnderWay::default(),
            first_attempts: FirstAttempts::default(),
            verify_rates: SourceRates::default(),
            hub_requests: RecentRequests::default(),
        }
    }
}
