//! Builds reqwest's clients, and checks each connection that they open.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use super::{ClientConfig, connection::current, counting::OfClient, opening::Opening};
use crate::{error::Error, guard::TargetGuard};

/// The maximum time to open a connection. The attempt that asked for the connection is usually over by then.
const LONGEST_CONNECT: Duration = Duration::from_secs(30);

/// Builds a client. `header_lines` is the most header lines of a response, 100 by default.
pub(super) fn build(
    config: &ClientConfig,
    tls: &rustls::ClientConfig,
    idle_connections: usize,
    header_lines: Option<usize>,
    of_client: Option<Arc<OfClient>>,
) -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder();
    let builder = match header_lines {
        Some(lines) => builder.http1_max_headers(lines),
        None => builder,
    };
    builder
        .connector_layer(Opening::new(of_client))
        .tls_backend_preconfigured(tls.clone())
        .dns_resolver(GuardedResolver { guard: Arc::new(config.guard.clone()) })
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .http1_only()
        // An application may switch on decompression for its own client, and cargo unifies features. The bytes
        // of a response count and are kept as they arrive, so that a small response can't become a large one.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .tcp_nodelay(true)
        .connect_timeout(LONGEST_CONNECT)
        .pool_max_idle_per_host(idle_connections)
        .pool_idle_timeout(config.idle_timeout)
        .build()
        .map_err(|error| Error::option("HTTP client", error.to_string()))
}

/// Resolves a name at the moment of connecting, and returns only addresses that the guard has allowed. The client
/// connects to exactly these addresses, so DNS rebinding doesn't help an attacker.
#[derive(Clone, Debug)]
struct GuardedResolver {
    guard: Arc<TargetGuard>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (port, tenant) = current();
        let guard = Arc::clone(&self.guard);
        Box::pin(tenant.has_done(async move {
            let ips = guard.lookup(name.as_str(), port).await?;
            // The connector replaces port 0 with the port of the URL.
            Ok(Box::new(ips.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::client::{
            connection::{Facts, connecting},
            origin::Origin,
        },
        tenant::Tenant,
    };

    /// Whether a name with this address resolves for a request to this port, or outside a request.
    async fn resolves(guard: &TargetGuard, address: &'static str, port: Option<u16>) -> bool {
        let resolver = GuardedResolver { guard: Arc::new(guard.clone().resolving_to([[address]])) };
        let url = "http://a.test".parse().unwrap();
        let resolving = async { resolver.resolve("a.test".parse().unwrap()).await.is_ok() };
        match port {
            Some(port) => connecting(Facts::new(port, Tenant::default(), Origin::of(&url), None), resolving).await,
            None => resolving.await,
        }
    }

    #[tokio::test]
    async fn a_public_name_resolves_for_exactly_the_open_ports() {
        for ports in [vec![], vec![443], vec![80], vec![8443], vec![65535], vec![80, 443, 8443]] {
            let guard = TargetGuard::new().ports(ports.iter().copied());
            for port in [80, 443, 8080, 8443, 65535] {
                assert_eq!(resolves(&guard, "1.1.1.1", Some(port)).await, ports.contains(&port), "{ports:?} {port}");
            }
            assert!(!resolves(&guard, "1.1.1.1", None).await, "outside a request no port is open");
        }
    }

    #[tokio::test]
    async fn a_name_of_an_allowed_address_resolves_for_its_port_only() {
        let guard = TargetGuard::new().allow_addresses(["10.0.0.5:8080".parse().unwrap()]);
        assert!(resolves(&guard, "10.0.0.5", Some(8080)).await);
        for (address, port) in [("10.0.0.5", Some(443)), ("10.0.0.5", None), ("10.0.0.6", Some(8080))] {
            assert!(!resolves(&guard, address, port).await, "{address} {port:?}");
        }
    }

    #[tokio::test]
    async fn a_name_in_an_allowed_network_resolves_for_all_ports() {
        let guard = TargetGuard::new().ports([8443]).allow_networks(["10.0.0.0/8".parse().unwrap()]);
        for port in [Some(8080), Some(443), Some(8443), None] {
            assert!(resolves(&guard, "10.0.0.5", port).await, "{port:?}");
        }
    }
}
