//! Where deliveries may go.

mod address;
mod error;
mod resolver;
mod validator;

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use self::resolver::Resolver;
use crate::spec::UrlCheck;

pub use error::TargetError;
pub use validator::Validator;

/// Keeps deliveries away from addresses that a subscriber has no business with: the guard against
/// server-side request forgery.
///
/// By default it lets through HTTP and HTTPS to addresses of the public internet on ports 80 and
/// 443. Everything with another meaning (private and loopback networks, link-local addresses and the
/// clouds' metadata services behind them, multicast, IPv6 forms that wrap such an IPv4 address, …) is
/// refused. A host is refused if *any* of its addresses is.
///
/// A URL is checked when somebody subscribes it, for a good error message; what counts is the check
/// on every connection, of the very addresses that are connected to, because a host name may resolve
/// to something else a moment later.
///
/// # Examples
///
/// ```
/// use thorn_core::guard::TargetGuard;
///
/// let guard = TargetGuard::new();
/// assert!(guard.check_url(&"https://1.1.1.1/hook".parse()?).is_ok());
/// assert!(guard.check_url(&"http://169.254.169.254/latest/meta-data".parse()?).is_err());
///
/// let guard = guard.allow_networks(["10.1.0.0/16".parse()?]);
/// assert!(guard.check_url(&"http://10.1.2.3:8080/hook".parse()?).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TargetGuard {
    networks: Vec<IpNet>,
    addresses: Vec<SocketAddr>,
    validators: Vec<Validator>,
    resolver: Resolver,
}

impl Default for TargetGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl TargetGuard {
    /// Lets through the public internet on ports 80 and 443, and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self {
            networks: Vec::new(),
            addresses: Vec::new(),
            validators: Validator::defaults(),
            resolver: Resolver::default(),
        }
    }

    /// Lets through these networks too, on any port and whatever they mean: for internal systems and
    /// for tests. An IPv4 network covers its IPv4-mapped IPv6 addresses.
    #[must_use]
    pub fn allow_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.networks.extend(networks.into_iter().map(|network| network.trunc()));
        self
    }

    /// Lets through these addresses on exactly these ports, if a URL names them as numbers: for a
    /// receiver of one's own.
    #[must_use]
    pub fn allow_addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.addresses.extend(addresses);
        self
    }

    /// Lets through these ports of the public internet, besides those that are open already.
    #[must_use]
    pub fn allow_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        let more: Vec<u16> = ports.into_iter().filter(|port| *port != 0).collect();
        for validator in &mut self.validators {
            if let Validator::Ports(ports) = validator {
                ports.extend(&more);
            }
        }
        self
    }

    /// Lets through exactly these ports of the public internet.
    #[must_use]
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.validators.retain(|validator| !matches!(validator, Validator::Ports(_)));
        self.validators.push(Validator::ports(ports));
        self
    }

    /// Replaces the rules for recipients. Without any, every port of the public internet is open to
    /// HTTP and HTTPS; what isn't the public internet stays refused, but for what is allowed.
    #[must_use]
    pub fn validators(mut self, validators: impl IntoIterator<Item = Validator>) -> Self {
        self.validators = validators.into_iter().collect();
        self
    }

    /// Checks what a URL says without asking the DNS: scheme, credentials, port, and the address if
    /// the host is one. Another port than the open ones can only be right within an allowed network,
    /// which shows when a host name is resolved.
    ///
    /// # Errors
    ///
    /// [`TargetError`], saying what is refused.
    pub fn check_url(&self, url: &Url) -> Result<(), TargetError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Scheme { scheme: url.scheme().to_owned() });
        }
        self.validators.iter().try_for_each(|validator| validator.check_scheme(url.scheme()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if port == 0 {
            return Err(TargetError::Port { port });
        }
        match url.host() {
            Some(Host::Ipv4(ip)) => self.check_address(ip.into(), port),
            Some(Host::Ipv6(ip)) => self.check_address(ip.into(), port),
            Some(Host::Domain(_)) if self.allows_port(port) || !self.networks.is_empty() => Ok(()),
            Some(Host::Domain(_)) => Err(TargetError::Port { port }),
            None => Err(TargetError::Url { reason: "it has no host".to_owned() }),
        }
    }

    /// Checks one address and port.
    ///
    /// # Errors
    ///
    /// [`TargetError::Network`] if a validator blocks the address; [`TargetError::Address`] or
    /// [`TargetError::Port`] if it is in no allowed network.
    pub fn check_address(&self, ip: IpAddr, port: u16) -> Result<(), TargetError> {
        let ip = ip.to_canonical();
        self.validators.iter().try_for_each(|validator| validator.check_network(ip))?;
        if self.networks.iter().any(|network| network.contains(&ip) || in_mapped(network, ip)) {
            return Ok(());
        }
        if self.addresses.contains(&SocketAddr::new(ip, port)) {
            return Ok(());
        }
        if let Some(kind) = address::special(ip) {
            return Err(TargetError::Address { host: ip.to_string(), address: ip, kind });
        }
        if self.allows_port(port) { Ok(()) } else { Err(TargetError::Port { port }) }
    }

    /// Resolves a host name to addresses that all passed [`check_address`](Self::check_address).
    ///
    /// # Errors
    ///
    /// [`TargetError::Unresolvable`] if there is no address, else the error of the first address that
    /// is refused.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, TargetError> {
        let ips = self.lookup(host, port).await?;
        Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// Checks a URL as a subscription gives it, its host's addresses included.
    ///
    /// # Errors
    ///
    /// [`TargetError`], saying what is refused.
    pub async fn check(&self, url: &str) -> Result<(), TargetError> {
        let url = parsed(url)?;
        self.check_url(&url)?;
        if let (Some(Host::Domain(host)), Some(port)) = (url.host(), url.port_or_known_default()) {
            self.resolve(host, port).await?;
        }
        Ok(())
    }

    pub(super) async fn lookup(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, TargetError> {
        let unresolvable = |reason: String| TargetError::Unresolvable { host: host.to_owned(), reason };
        let ips = self.resolver.addresses(host).await.map_err(unresolvable)?;
        if ips.is_empty() {
            return Err(unresolvable("it has no address".to_owned()));
        }
        ips.iter().try_for_each(|ip| self.check_address(*ip, port)).map_err(|error| error.of_host(host))?;
        Ok(ips)
    }

    /// Whether the port is open on addresses of the public internet.
    pub(super) fn allows_port(&self, port: u16) -> bool {
        port != 0 && self.validators.iter().all(|validator| validator.allows_port(port))
    }

    /// The rules in force.
    pub(super) fn rules(&self) -> &[Validator] {
        &self.validators
    }
}

#[async_trait::async_trait]
impl UrlCheck for TargetGuard {
    async fn check(&self, url: &str) -> Result<(), TargetError> {
        Self::check(self, url).await
    }

    fn check_alone(&self, url: &str) -> Result<(), TargetError> {
        self.check_url(&parsed(url)?)
    }
}

fn parsed(url: &str) -> Result<Url, TargetError> {
    Url::parse(url).map_err(|error| TargetError::Url { reason: error.to_string() })
}

/// Whether the network is one of mapped addresses (`::ffff:10.0.0.0/104`) that holds this address.
fn in_mapped(network: &IpNet, ip: IpAddr) -> bool {
    match (network, ip) {
        (IpNet::V6(network), IpAddr::V4(ip)) if network.prefix_len() >= 96 => network.contains(&ip.to_ipv6_mapped()),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
