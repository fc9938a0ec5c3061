//! Facts about a request that the resolver needs.
//!
//! reqwest tells the resolver a name and nothing else. So the rest is in a local of the task that sends the request, in
//! which a client begins to connect.

use crate::tenant::Tenant;

tokio::task_local! {
    static REQUEST: (u16, Tenant);
}

/// Sends a request to this port, whose lookup counts for `tenant`.
pub(super) async fn connecting<F: Future>(port: u16, tenant: Tenant, send: F) -> F::Output {
    REQUEST.scope((port, tenant), send).await
}

/// The port of the current task's request, and who asks for its address. Outside a request, it is a port that is closed
/// to all but allowed networks.
pub(super) fn current() -> (u16, Tenant) {
    REQUEST.try_get().unwrap_or_default()
}
