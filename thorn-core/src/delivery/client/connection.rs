//! Facts about a request that the resolver and the connector need.
//!
//! reqwest tells the resolver a name and nothing else. So the rest is in a local of the task that sends the request, in
//! which a client begins to connect.

use std::cell::Cell;

use super::{kept::MayOpen, origin::Origin};
use crate::tenant::Tenant;

/// Facts about a request that the resolver and the connector need.
pub(super) struct Facts {
    port: u16,
    tenant: Tenant,
    origin: Origin,
    may_open: Cell<Option<MayOpen>>,
}

tokio::task_local! {
    static REQUEST: Facts;
}

impl Facts {
    /// A request to this port, whose lookup counts for `tenant`. With `may_open`, its connection may be kept.
    pub(super) const fn new(port: u16, tenant: Tenant, origin: Origin, may_open: Option<MayOpen>) -> Self {
        Self { port, tenant, origin, may_open: Cell::new(may_open) }
    }
}

/// Sends a request of which these facts hold.
pub(super) async fn connecting<F: Future>(facts: Facts, send: F) -> F::Output {
    REQUEST.scope(facts, send).await
}

/// The port of the current task's request, and who asks for its address. Outside a request, it is a port that is closed
/// to all but allowed networks.
pub(super) fn current() -> (u16, Tenant) {
    REQUEST.try_with(|facts| (facts.port, facts.tenant)).unwrap_or_default()
}

/// The origin of the current task's request, and its leave to open a connection that is kept, which this takes. `None`
/// outside a request.
pub(super) fn opening() -> Option<(Origin, Option<MayOpen>)> {
    REQUEST.try_with(|facts| (facts.origin, facts.may_open.take())).ok()
}
