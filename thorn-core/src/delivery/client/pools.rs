//! The reqwest clients that deliveries are sent with, and the guard that checks each connection.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use reqwest::{
    Request,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use super::{
    ClientConfig,
    apart::apart,
    connection::{Facts, connecting, current},
    counting::OfClient,
    exchange::ExchangeError,
    failure::has_long_head,
    kept::MayOpen,
    opening::Opening,
    origin::Origin,
    tls,
    watched::{Response, exchange},
};
use crate::{error::Error, guard::TargetGuard, tenant::Tenant, timestamp::Timestamp};

/// How many header lines a response may have on a connection for [long heads](Connection::ForLongHead). hyper's default is
/// 100. It writes memory for as many lines each time that it looks at a response: with 16,384 of them, a delivery took
/// twice as long. In any case, hyper refuses heads above 400 kB.
const MOST_HEADER_LINES: usize = 4_096;

/// The maximum time to open a connection. The attempt that asked for the connection is usually over by then.
const LONGEST_CONNECT: Duration = Duration::from_secs(30);

/// How long connections are given new requests. After that, the host's name is resolved again. A busy connection would
/// otherwise stay with an address that the host has left.
const MAX_AGE: Duration = Duration::from_secs(90);

/// A client of endpoints that have failed is this old before another one replaces it.
const RECENT: Duration = Duration::from_secs(1);

/// Clients of one guard. Their resolver returns only addresses that the guard allows.
#[derive(Debug)]
pub(super) struct Pools {
    config: ClientConfig,
    tls: rustls::ClientConfig,
    /// Keeps connections for the next request.
    pooled: ArcSwap<Pooled>,
    /// A younger one, if endpoints are to leave connections that were opened earlier.
    recent: ArcSwapOption<Pooled>,
    /// Opens a new connection for each request.
    single: reqwest::Client,
    /// The same, for responses with many header lines.
    long_head: reqwest::Client,
}

/// The connection that a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// A connection that was opened and kept since then, if there is one. It is kept again.
    Kept { since: Timestamp },
    /// A new one, which isn't kept.
    New,
    /// As [`New`](Self::New), for a receiver whose responses have many header lines.
    ForLongHead,
}

/// How a request is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) connection: Connection,
    /// Whether the receiver isn't trusted, so that a thread of its own reads the response.
    pub(super) is_apart: bool,
}

impl Connection {
    pub(super) const fn is_kept(self) -> bool {
        matches!(self, Self::Kept { .. })
    }
}

/// A client whose connections have at most the age of this.
#[derive(Debug)]
struct Pooled {
    client: reqwest::Client,
    since: Instant,
    began_at: Timestamp,
    of_client: Arc<OfClient>,
}

/// An exchange without a response.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) error: ExchangeError,
    /// Whether the receiver closed a connection that was open. If that was kept from an earlier request, the receiver may
    /// have closed it before the request came.
    pub(super) is_closed: bool,
    /// Whether the response has more header lines than the connection takes.
    pub(super) has_long_head: bool,
}

impl Pools {
    pub(super) fn new(config: &ClientConfig) -> Result<Self, Error> {
        let tls = tls::verified(&config.extra_root_certificates)?;
        let single = build(config, &tls, 0, None, None)?;
        let long_head = build(config, &tls, 0, Some(MOST_HEADER_LINES), None)?;
        let pooled = ArcSwap::from_pointee(Pooled::new(config, &tls)?);
        Ok(Self { config: config.clone(), tls, pooled, recent: ArcSwapOption::empty(), single, long_head })
    }

    /// Sends a request, whose lookup counts for `tenant`.
    pub(super) async fn execute(
        &self,
        request: Request,
        tenant: Tenant,
        Route { connection, is_apart }: Route,
    ) -> Result<Response, Broken> {
        let (port, origin) = (request.url().port_or_known_default().unwrap_or_default(), Origin::of(request.url()));
        let (client, may_open) = match connection {
            Connection::Kept { since } => {
                self.kept(since).map_or_else(|| (self.single.clone(), None), |(client, may)| (client, Some(may)))
            }
            Connection::New => (self.single.clone(), None),
            Connection::ForLongHead => (self.long_head.clone(), None),
        };
        let facts = Facts::new(port, tenant, origin, may_open);
        let sending = async move { client.execute(request).await };
        let exchanging = connecting(facts, exchange(tenant, origin, sending));
        let exchanged = if is_apart { apart(tenant, exchanging).await } else { exchanging.await };
        exchanged.map_err(|error| {
            let ExchangeError::Http(of_client) = &error else {
                return Broken { is_closed: false, has_long_head: false, error };
            };
            let has_long_head = connection != Connection::ForLongHead && has_long_head(of_client);
            let is_closed = !has_long_head && !of_client.is_timeout() && !of_client.is_connect();
            Broken { is_closed, has_long_head, error }
        })
    }

    /// How long a connection is kept that no request takes.
    pub(super) const fn idle_timeout(&self) -> Duration {
        self.config.idle_timeout
    }

    /// How many connections have been opened to be kept by clients that haven't ended.
    #[cfg(test)]
    pub(super) fn opened(&self) -> usize {
        self.config.kept.opened()
    }

    /// The client that has kept connections since then, and the leave to open one. `None` if there is no such client yet, or
    /// if too many connections are kept because requests that hang hold old clients.
    fn kept(&self, since: Timestamp) -> Option<(reqwest::Client, MayOpen)> {
        let client = self.pooled(since).or_else(|| self.recent(since))?;
        Some((client, self.config.kept.may_open()?))
    }

    /// The client that keeps connections. If the present one is too old, or has opened too many, a new one replaces it. The
    /// connections of the old one are closed after their last response. `None` if it has kept connections for longer.
    fn pooled(&self, since: Timestamp) -> Option<reqwest::Client> {
        let pooled = self.pooled.load();
        let is_full = self.config.kept.is_full() && pooled.of_client.has_most();
        if pooled.since.elapsed() < MAX_AGE && !is_full {
            return (pooled.began_at >= since).then(|| pooled.client.clone());
        }
        let Some(new) = self.renewed() else { return Some(pooled.client.clone()) };
        let client = new.client.clone();
        // With the last one who holds an old client, its connections end.
        self.pooled.compare_and_swap(&*pooled, new);
        self.recent.store(None);
        Some(client)
    }

    /// The client of endpoints whose older connections are left. It is renewed at most once a second, because that ends the
    /// connections of other such endpoints, too.
    fn recent(&self, since: Timestamp) -> Option<reqwest::Client> {
        let recent = self.recent.load();
        if let Some(recent) = &*recent {
            if recent.began_at >= since {
                return Some(recent.client.clone());
            }
            if recent.since.elapsed() < RECENT {
                return None;
            }
        }
        let new = self.renewed()?;
        let client = new.client.clone();
        self.recent.compare_and_swap(&*recent, Some(new));
        Some(client)
    }

    /// A new client that keeps connections.
    fn renewed(&self) -> Option<Arc<Pooled>> {
        Pooled::new(&self.config, &self.tls)
            .inspect_err(
                |error| tracing::error!(%error, "can't renew the HTTP client; its connections are used further"),
            )
            .ok()
            .map(Arc::new)
    }
}

impl Pooled {
    fn new(config: &ClientConfig, tls: &rustls::ClientConfig) -> Result<Self, Error> {
        let of_client = OfClient::new(Arc::clone(&config.kept));
        let client = build(config, tls, config.idle_connections, None, Some(Arc::clone(&of_client)))?;
        Ok(Self { client, since: Instant::now(), began_at: Timestamp::now(), of_client })
    }
}

/// Builds a client. `header_lines` is the most header lines of a response, 100 by default.
fn build(
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

    #[tokio::test]
    async fn old_connections_get_no_new_requests() {
        let pools = Pools::new(&ClientConfig::default()).unwrap();
        let first = pools.pooled.load_full();
        let any = Timestamp::from_millis(0);
        pools.pooled(any);
        assert!(Arc::ptr_eq(&first, &pools.pooled.load_full()));
        let (client, of_client) = (first.client.clone(), Arc::clone(&first.of_client));
        let old = Arc::new(Pooled { client, since: Instant::now() - MAX_AGE, began_at: Timestamp::now(), of_client });
        pools.pooled.store(Arc::clone(&old));
        pools.pooled(any);
        let renewed = pools.pooled.load_full();
        assert!(!Arc::ptr_eq(&old, &renewed) && renewed.since.elapsed() < MAX_AGE);
    }
}
