//! Facts about a request that the resolver and the connector need.
//!
//! reqwest tells the resolver a name and nothing else. So the rest is in a local of the task that sends the request, in
//! which a client begins to connect.

use std::cell::Cell;

use super::kept::MayOpen;
use crate::tenant::Tenant;

struct Facts {
    port: u16,
    tenant: Tenant,
    may_open: Cell<Option<MayOpen>>,
}

tokio::task_local! {
    static REQUEST: Facts;
}

/// Sends a request to this port, whose lookup counts for `tenant`. With `may_open`, its connection may be kept.
pub(super) async fn connecting<F: Future>(port: u16, tenant: Tenant, may_open: Option<MayOpen>, send: F) -> F::Output {
    REQUEST.scope(Facts { port, tenant, may_open: Cell::new(may_open) }, send).await
}

/// The port of the current task's request, and who asks for its address. Outside a request, it is a port that is closed
/// to all but allowed networks.
pub(super) fn current() -> (u16, Tenant) {
    REQUEST.try_with(|facts| (facts.port, facts.tenant)).unwrap_or_default()
}

/// Takes the leave of the current task's request to open a connection that is kept.
pub(super) fn opening() -> Option<MayOpen> {
    REQUEST.try_with(|facts| facts.may_open.take()).ok().flatten()
}
