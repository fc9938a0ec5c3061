//! The reqwest clients that deliveries are sent with.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use reqwest::Request;

use super::{
    ClientConfig,
    apart::apart,
    connection::{Facts, connecting},
    counting::OfClient,
    exchange::ExchangeError,
    failure::has_long_head,
    kept::MayOpen,
    origin::Origin,
    reqwest_client::build,
    tls,
    watched::{Response, exchange},
};
use crate::{error::Error, tenant::Tenant, timestamp::Timestamp};

/// How many header lines a response may have on a connection for [long heads](Connection::ForLongHead). hyper's default is
/// 100. It writes memory for as many lines each time that it looks at a response: with 16,384 of them, a delivery took
/// twice as long. In any case, hyper refuses heads above 400 kB.
const MOST_HEADER_LINES: usize = 4_096;

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

#[cfg(test)]
mod tests {
    use super::*;

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
