//! The HTTP client that deliveries go through.

mod apart;
mod connection;
mod counting;
mod exchange;
mod failure;
mod get;
mod guarded;
mod kept;
mod opening;
mod origin;
mod outgoing;
mod pools;
mod reqwest_client;
mod request;
mod response;
mod tls;
mod topic_headers;
mod watch;
mod watched;

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use http::{HeaderValue, Method};
use reqwest::Request;
use tokio::time::{Instant, sleep_until};

use self::{
    exchange::ExchangeError,
    guarded::Guarded,
    kept::KeptConnections,
    pools::{Broken, Connection, Route},
    response::Answer,
};
use crate::{
    attempt::{Attempt, Outcome},
    endpoint::{NEW, NEW_AT_ONCE, Turn},
    error::Error,
    guard::{TargetError, TargetGuard},
    timestamp::Timestamp,
};

pub(crate) use self::{
    failure::Failure,
    get::{Get, Got},
    outgoing::{Content, Outgoing},
    response::KeptResponse,
};

/// Settings of a [`Client`].
#[derive(Clone, Debug)]
pub(crate) struct ClientConfig {
    /// Decides which addresses the client may connect to. Default: the public internet, ports 80 and 443.
    pub(crate) guard: TargetGuard,
    /// How many bytes of a response's body are read and kept. Default: 4096.
    pub(crate) max_response_bytes: usize,
    /// The `User-Agent` header, unless the event brings its own.
    pub(crate) user_agent: String,
    /// Certificate authorities to trust besides the system's. Each item is DER, or PEM with one or more certificates.
    pub(crate) extra_root_certificates: Vec<Vec<u8>>,
    /// How many idle connections are kept open for each host. Default: 64, which is twice [`NEW_AT_ONCE`].
    pub(crate) idle_connections: usize,
    /// How long an idle connection is kept open. Default: 30 s.
    pub(crate) idle_timeout: Duration,
    /// Bounds the idle connections to all hosts. Default: those of all clients of the process together.
    pub(crate) kept: Arc<KeptConnections>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            guard: TargetGuard::new(),
            max_response_bytes: 4096,
            user_agent: concat!("Mozilla/5.0 (compatible; thorn/", env!("CARGO_PKG_VERSION"), "; reqwest)").to_owned(),
            extra_root_certificates: Vec::new(),
            idle_connections: NEW_AT_ONCE * 2,
            idle_timeout: Duration::from_secs(30),
            kept: KeptConnections::of_process(),
        }
    }
}

/// Sends deliveries.
///
/// Every connection goes to an address that the [`TargetGuard`] has allowed. TLS is always verified. The client
/// doesn't follow redirects or use the environment's proxies. A receiver can take no more time than an attempt's
/// total deadline, and no more memory than [`max_response_bytes`](ClientConfig::max_response_bytes) for its body.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    guarded: Guarded,
    user_agent: HeaderValue,
    max_response_bytes: usize,
}

impl Client {
    /// A client with its own pool of connections. Clones share the pool.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the user agent can't be sent, a certificate can't be read, or the system
    /// trusts no certificate authority.
    pub(crate) fn new(config: ClientConfig) -> Result<Self, Error> {
        let user_agent = HeaderValue::try_from(&config.user_agent)
            .map_err(|error| Error::option("user_agent", error.to_string()))?;
        let max_response_bytes = config.max_response_bytes;
        let guarded = Guarded::new(config)?;
        Ok(Self { inner: Arc::new(Inner { guarded, user_agent, max_response_bytes }) })
    }

    /// Makes one attempt. Every way it can end is an [`Outcome`], never an `Err`:
    ///
    /// - `Delivered`: a complete 2xx response, or a 2xx response whose body exceeds the limit.
    /// - `Rejected`: any other status, redirects included, even if the body breaks off.
    /// - `TimedOut`: the deadline passed first. The attempt has the status if it was already known.
    /// - `Blocked`: the guard refused the URL or an address. The client didn't connect.
    /// - `Unreachable`: everything else.
    ///
    /// With [`keep`](Outgoing::keep), it returns the response as well, if a complete one came.
    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>) -> (Attempt, Option<KeptResponse>) {
        let turn = outgoing.endpoint.turn().await;
        let attempted_at = Timestamp::now();
        let started = Instant::now();
        let mut answer = Answer::new(self.inner.max_response_bytes, outgoing.keep);
        let ended = {
            // The exchange is boxed only after the turn. So thousands of waiting attempts don't take its memory.
            let exchange = Box::pin(self.exchange(outgoing, attempted_at, &mut answer));
            in_time(exchange, turn, started, outgoing.timeout).await
        };
        let (outcome, error) = match ended {
            Some(Ok(())) => answer.verdict(),
            Some(Err(Failure { outcome, reason })) => (outcome, Some(reason)),
            None => (Outcome::TimedOut, Some(format!("no complete response within {:?}", outgoing.timeout))),
        };
        let is_broken = answer.status.is_some_and(|status| status.is_server_error());
        if is_broken || matches!(outcome, Outcome::TimedOut | Outcome::Unreachable) {
            outgoing.endpoint.distrust_connections();
        }
        let attempt = Attempt {
            outcome,
            attempted_at,
            duration: started.elapsed(),
            status: answer.status.map(|status| status.as_u16()),
            retry_after: answer.retry_after,
            response: answer.text(),
            error,
        };
        let is_complete = matches!(outcome, Outcome::Delivered | Outcome::Rejected);
        (attempt, answer.kept().filter(|_| is_complete))
    }

    async fn exchange(&self, outgoing: &Outgoing<'_>, now: Timestamp, answer: &mut Answer) -> Result<(), Failure> {
        let Inner { guarded, user_agent, .. } = &*self.inner;
        let url = outgoing.endpoint.parsed().as_ref();
        let url = url.map_err(|error| TargetError::Url { reason: error.to_string() })?;
        let behind = guarded.by(outgoing.validators)?;
        let (guard, pools) = (&behind.guard, &behind.pools);
        // The resolver never sees an IP address in the URL, so the guard checks the address here.
        guard.check_url(url)?;

        let request = || -> Result<Request, Failure> {
            // reqwest's request builder would copy every header.
            let mut request = Request::new(Method::POST, url.clone());
            *request.headers_mut() = request::headers(outgoing, now, user_agent)?;
            *request.body_mut() = Some(outgoing.body.clone().into());
            Ok(request)
        };
        let endpoint = outgoing.endpoint;
        let is_apart = !endpoint.is_trusted(now);
        let has_failed = endpoint.takes_new_connection();
        let connection = if endpoint.has_long_heads() {
            Connection::ForLongHead
        } else if outgoing.keep_alive && !has_failed && !is_apart {
            Connection::Kept { since: endpoint.connections_since() }
        } else {
            Connection::New
        };
        let route = |connection| Route { connection, is_apart };
        let response = match pools.execute(request()?, outgoing.tenant, route(connection)).await {
            // RFC 9112, section 9.3.1, lets a client repeat a request on a kept connection if it knows that this does no
            // harm. Each delivery has an id by which receivers recognise a second one.
            Err(Broken { is_closed: true, .. })
                if connection.is_kept() && endpoint.may_keep_connection(pools.idle_timeout(), Timestamp::now()) =>
            {
                pools.execute(request()?, outgoing.tenant, route(Connection::New)).await
            }
            Err(Broken { has_long_head: true, .. }) => {
                endpoint.expect_long_heads();
                pools.execute(request()?, outgoing.tenant, route(Connection::ForLongHead)).await
            }
            response => response,
        };
        let read = match response {
            Ok(response) => answer.read(response, now).await,
            Err(broken) => Err(broken.error),
        };
        if let Err(error) = read {
            if matches!(error, ExchangeError::Ended(_)) {
                endpoint.distrust(Timestamp::now());
            }
            return Err(Failure::of_exchange(&error));
        }
        endpoint.trust();
        if connection.is_kept() {
            endpoint.answered(Timestamp::now());
        } else if has_failed && answer.status.is_some_and(|status| !status.is_server_error()) {
            endpoint.leave_old_connections(Timestamp::now());
        }
        Ok(())
    }
}

/// Waits for the end of an exchange, at most for `limit`. The turn ends with the exchange, or once the exchange is no longer
/// new. One timer serves both, because setting a timer takes a lock that all requests share.
async fn in_time<T>(
    mut exchange: Pin<Box<impl Future<Output = T>>>,
    mut turn: Option<Turn>,
    started: Instant,
    limit: Duration,
) -> Option<T> {
    let mut alarm = pin!(sleep_until(started + NEW.min(limit)));
    loop {
        tokio::select! {
            biased;
            ended = &mut exchange => {
                if let Some(turn) = turn {
                    turn.pass_on().await;
                }
                return Some(ended);
            }
            () = &mut alarm => {
                if started.elapsed() >= limit {
                    return None;
                }
                turn = None;
                alarm.as_mut().reset(started + limit);
            }
        }
    }
}

#[cfg(test)]
mod tests;
