//! Connections, and the guard that checks each connection.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use super::{ClientConfig, tls};
use crate::{error::Error, guard::TargetGuard};

/// Stands for all ports that aren't open on the public internet. This port is never open, so the guard allows only
/// the operator's allowed networks.
const A_CLOSED_PORT: u16 = 0;

/// The maximum time to open a connection. The attempt that asked for the connection is usually over by then.
const LONGEST_CONNECT: Duration = Duration::from_secs(30);

/// The reqwest clients that deliveries are sent with.
///
/// The port decides whether the guard allows an address, but reqwest doesn't tell a resolver the port. So ports
/// that are open on the public internet have their own clients. All other ports have clients whose resolver
/// returns only addresses in allowed networks.
#[derive(Debug)]
pub(super) struct Pools {
    open: Pair,
    closed: Pair,
}

#[derive(Debug)]
struct Pair {
    /// Keeps connections for the next request.
    pooled: reqwest::Client,
    /// Opens a new connection for each request.
    single: reqwest::Client,
}

impl Pools {
    pub(super) fn new(config: &ClientConfig) -> Result<Self, Error> {
        let tls = tls::verified(&config.extra_root_certificates)?;
        let guard = Arc::new(config.guard.clone());
        Ok(Self {
            open: Pair::new(config, &tls, &GuardedResolver::for_open_ports(&guard))?,
            closed: Pair::new(config, &tls, &GuardedResolver::for_closed_ports(&guard))?,
        })
    }

    /// The client for a request, depending on whether the port is open and whether the connection may be reused.
    pub(super) const fn for_request(&self, open_port: bool, keep_alive: bool) -> &reqwest::Client {
        let pair = if open_port { &self.open } else { &self.closed };
        if keep_alive { &pair.pooled } else { &pair.single }
    }
}

impl Pair {
    fn new(config: &ClientConfig, tls: &rustls::ClientConfig, resolver: &GuardedResolver) -> Result<Self, Error> {
        let build = |idle_connections| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(resolver.clone())
                .no_proxy()
                .redirect(redirect::Policy::none())
                .referer(false)
                .http1_only()
                .tcp_nodelay(true)
                .connect_timeout(LONGEST_CONNECT)
                .pool_max_idle_per_host(idle_connections)
                .pool_idle_timeout(config.idle_timeout)
                .build()
                .map_err(|error| Error::option("HTTP client", error.to_string()))
        };
        Ok(Self { pooled: build(config.idle_connections)?, single: build(0)? })
    }
}

/// Resolves a name at the moment of connecting, and returns only addresses that the guard has allowed. The client
/// connects to exactly these addresses, so DNS rebinding doesn't help an attacker.
#[derive(Clone, Debug)]
struct GuardedResolver {
    guard: Arc<TargetGuard>,
    /// Stands for all ports of the requests that this resolver serves.
    port: u16,
}

impl GuardedResolver {
    fn for_open_ports(guard: &Arc<TargetGuard>) -> Self {
        Self { guard: Arc::clone(guard), port: guard.open_port().unwrap_or(A_CLOSED_PORT) }
    }

    fn for_closed_ports(guard: &Arc<TargetGuard>) -> Self {
        Self { guard: Arc::clone(guard), port: A_CLOSED_PORT }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, port) = (Arc::clone(&self.guard), self.port);
        Box::pin(async move {
            let ips = guard.lookup(name.as_str(), port).await?;
            // The connector replaces port 0 with the port of the URL.
            Ok(Box::new(ips.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolves(guard: TargetGuard, open: bool) -> bool {
        let guard = Arc::new(guard.resolving_to([["1.1.1.1"]]));
        let resolver = match open {
            true => GuardedResolver::for_open_ports(&guard),
            false => GuardedResolver::for_closed_ports(&guard),
        };
        resolver.resolve("a.test".parse().unwrap()).await.is_ok()
    }

    #[tokio::test]
    async fn a_public_name_resolves_for_open_ports_only_whichever_ports_are_open() {
        for ports in [vec![443], vec![80], vec![8443], vec![65535], vec![80, 443, 8443]] {
            let guard = TargetGuard::new().ports(ports.iter().copied());
            assert!(resolves(guard.clone(), true).await, "{ports:?}");
            assert!(!resolves(guard, false).await, "{ports:?}");
        }
        assert!(!resolves(TargetGuard::new().ports([]), true).await, "no port is open");
    }
}
