//! The guard against server-side request forgery: which URLs and addresses deliveries may go to.

mod address;
mod error;
mod lookups;
mod own;
mod resolver;
#[cfg(test)]
mod test_dns;
#[cfg(feature = "testing")]
mod test_names;
mod validator;

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use self::{
    address::{contains_mapped, special},
    resolver::Resolver,
};

pub use error::TargetError;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub use test_names::TestNames;
pub use validator::Validator;

/// Keeps deliveries away from internal systems (server-side request forgery).
///
/// By default the guard allows HTTP and HTTPS to public addresses on ports 80 and 443. It refuses every
/// special-purpose address: private, loopback, link-local (with the metadata services of clouds), multicast
/// and so on. It also refuses the public addresses of the machine it runs on. An IPv6 address that wraps such an IPv4
/// address is refused too. A host is refused if *any* of its addresses is.
///
/// Thorn checks a URL when it is subscribed, so that the subscriber gets an error message. It checks again on
/// every connection, and then the very addresses it connects to. DNS rebinding therefore doesn't help an
/// attacker.
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
    /// Recognises addresses of this machine.
    is_own: fn(IpAddr) -> bool,
}

impl Default for TargetGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl TargetGuard {
    /// A guard that allows public addresses on ports 80 and 443, and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self {
            networks: Vec::new(),
            addresses: Vec::new(),
            validators: Validator::defaults(),
            resolver: Resolver::default(),
            is_own: own::is_own,
        }
    }

    /// Also allows all addresses in these networks, on any port, even if they are special-purpose.
    ///
    /// Use this for internal receivers and for tests. An IPv4 network includes its IPv4-mapped IPv6
    /// addresses.
    #[must_use]
    pub fn allow_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.networks.extend(networks.into_iter().map(|network| network.trunc()));
        self
    }

    /// Also allows these addresses on exactly these ports, for instance for a receiver on this machine.
    ///
    /// A URL may contain the address as a number or as a host name that resolves to it.
    #[must_use]
    pub fn allow_addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.addresses.extend(addresses);
        self
    }

    /// Also allows these ports on public addresses. Port 0 is ignored.
    #[must_use]
    pub fn allow_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        let added: Vec<u16> = ports.into_iter().filter(|port| *port != 0).collect();
        for validator in &mut self.validators {
            if let Validator::Ports(ports) = validator {
                ports.extend(&added);
            }
        }
        self
    }

    /// Allows exactly these ports on public addresses.
    #[must_use]
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.validators.retain(|validator| !matches!(validator, Validator::Ports(_)));
        self.validators.push(Validator::ports(ports));
        self
    }

    /// Replaces the validators, which are [`Validator::defaults`] at first.
    ///
    /// With an empty list, HTTP and HTTPS to public addresses are allowed on every port. Special-purpose
    /// addresses stay refused unless they are allowed explicitly.
    #[must_use]
    pub fn validators(mut self, validators: impl IntoIterator<Item = Validator>) -> Self {
        self.validators = validators.into_iter().collect();
        self
    }

    /// Checks a URL without DNS: its scheme, credentials and port, and the address if the host is one.
    ///
    /// If the host is a name and networks are allowed, any port passes. Only the resolved address shows
    /// whether it is in such a network. The port of an allowed address passes for the same reason.
    ///
    /// # Errors
    ///
    /// [`TargetError`] with the reason.
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
            Some(Host::Domain(_)) if self.allows_port(port) || self.may_be_allowed(port) => Ok(()),
            Some(Host::Domain(_)) => Err(TargetError::Port { port }),
            None => Err(TargetError::Url { reason: "it has no host".to_owned() }),
        }
    }

    /// Checks an address and port.
    ///
    /// # Errors
    ///
    /// [`TargetError::Network`] if a validator blocks the address. For an address that isn't explicitly
    /// allowed: [`TargetError::Address`] if it is special-purpose or belongs to this machine, [`TargetError::Port`]
    /// if the port is closed.
    pub fn check_address(&self, ip: IpAddr, port: u16) -> Result<(), TargetError> {
        let ip = ip.to_canonical();
        self.validators.iter().try_for_each(|validator| validator.check_network(ip))?;
        if self.networks.iter().any(|network| network.contains(&ip) || contains_mapped(network, ip)) {
            return Ok(());
        }
        if self.addresses.contains(&SocketAddr::new(ip, port)) {
            return Ok(());
        }
        if let Some(kind) = special(ip) {
            return Err(TargetError::Address { host: ip.to_string(), address: ip, kind });
        }
        if !self.allows_port(port) {
            return Err(TargetError::Port { port });
        }
        if (self.is_own)(ip) {
            let kind = "an address of the machine that runs thorn";
            return Err(TargetError::Address { host: ip.to_string(), address: ip, kind });
        }
        Ok(())
    }

    /// Resolves a host name and checks each address with [`check_address`](Self::check_address).
    ///
    /// # Errors
    ///
    /// [`TargetError::Unresolvable`] if the host has no address. Otherwise the error of the first address
    /// that is refused.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, TargetError> {
        let ips = self.lookup(host, port).await?;
        Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// Parses and checks the URL of a subscription, including all addresses of its host.
    ///
    /// # Errors
    ///
    /// [`TargetError`] with the reason.
    pub async fn check(&self, url: &str) -> Result<(), TargetError> {
        let url = parse_url(url)?;
        self.check_url(&url)?;
        if let (Some(Host::Domain(host)), Some(port)) = (url.host(), url.port_or_known_default()) {
            self.resolve(host, port).await?;
        }
        Ok(())
    }

    /// Whether a host name with this port can resolve to an address that is explicitly allowed.
    fn may_be_allowed(&self, port: u16) -> bool {
        !self.networks.is_empty() || self.addresses.iter().any(|address| address.port() == port)
    }

    pub(super) async fn lookup(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, TargetError> {
        let unresolvable = |reason: String| TargetError::Unresolvable { host: host.to_owned(), reason };
        let ips = self.resolver.addresses(host).await.map_err(unresolvable)?;
        if ips.is_empty() {
            return Err(unresolvable("it has no address".to_owned()));
        }
        ips.iter().try_for_each(|ip| self.check_address(*ip, port)).map_err(|error| error.with_host(host))?;
        Ok(ips)
    }

    /// Whether the port is open on public addresses.
    fn allows_port(&self, port: u16) -> bool {
        port != 0 && self.validators.iter().all(|validator| validator.allows_port(port))
    }

    /// The validators in force.
    pub(super) fn rules(&self) -> &[Validator] {
        &self.validators
    }
}

/// Parses a URL; the error message leaves it out.
pub(crate) fn parse_url(url: &str) -> Result<Url, TargetError> {
    Url::parse(url).map_err(|error| TargetError::Url { reason: error.to_string() })
}

#[cfg(test)]
mod tests;
