//! Validators: named rules for target URLs, which settings and events can choose.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    address::{contains_mapped, unwrapped},
    error::TargetError,
};
use crate::invalid::InvalidOption;

/// A rule that the URL and address of a recipient must satisfy on each connection.
///
/// All validators of a list must allow a recipient. The settings have [`defaults`](Self::defaults)
/// unless they list their own. The list of an event
/// ([`Event::validators`](crate::event::Event::validators)) replaces the list of the settings.
///
/// Special-purpose addresses are refused whatever the list says, unless the operator allows them with
/// `allow_networks` or `allow_addresses`. [`Ports`](Self::Ports) doesn't apply to addresses that are allowed
/// in this way; the other validators do.
///
/// The text form, which is also stored, is `name=value,value`.
///
/// # Examples
///
/// ```
/// use thorn_core::guard::Validator;
///
/// let only_https: Validator = "protocols=https".parse()?;
/// assert_eq!(only_https, Validator::protocols(["HTTPS://"]));
/// assert_eq!(Validator::ports([443, 8443]).to_string(), "ports=443,8443");
/// assert!("block-networks=10.0.0.0/99".parse::<Validator>().is_err());
/// # Ok::<(), thorn_core::error::InvalidOption>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
#[non_exhaustive]
pub enum Validator {
    /// `protocols=https`: the scheme of the URL must be one of these. Only `http` and `https` are possible.
    Protocols(Vec<String>),
    /// `ports=443`: the port must be one of these. A URL without a port has the default port of its scheme.
    Ports(Vec<u16>),
    /// `block-internal`: the address must be public. Thorn applies this rule even if it isn't listed.
    BlockInternal,
    /// `block-networks=203.0.113.0/24`: the address must be in none of these networks, even if the operator
    /// allows it. IPv6 addresses that wrap a blocked IPv4 address are blocked too.
    BlockNetworks(Vec<IpNet>),
    /// A stored text that this release doesn't understand. It refuses every recipient.
    Unknown(String),
}

impl Validator {
    /// Allows these protocols. Letter case and a trailing `://` are ignored.
    pub fn protocols(names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self::Protocols(names.into_iter().map(|name| protocol(name.as_ref())).collect())
    }

    /// Allows these ports.
    pub fn ports(ports: impl IntoIterator<Item = u16>) -> Self {
        Self::Ports(ports.into_iter().collect())
    }

    /// Refuses addresses in these networks.
    pub fn block_networks(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self::BlockNetworks(networks.into_iter().map(|network| network.trunc()).collect())
    }

    /// The default validators: HTTP and HTTPS, ports 80 and 443, no internal addresses.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        vec![Self::protocols(["http", "https"]), Self::ports([80, 443]), Self::BlockInternal]
    }

    /// Checks that the validator is known and can allow something.
    ///
    /// # Errors
    ///
    /// [`InvalidOption`] if the validator is unknown, lists no value or lists an impossible one, such as port 0.
    pub fn check(&self) -> Result<(), InvalidOption> {
        let reason = match self {
            Self::Protocols(names) => match names.iter().find(|name| !matches!(name.as_str(), "http" | "https")) {
                Some(name) => Some(format!("`{self}` lists `{name}`; deliveries use http or https")),
                None => names.is_empty().then(|| "`protocols` lists none, so nothing could be delivered".to_owned()),
            },
            Self::Ports(ports) if ports.is_empty() => {
                Some("`ports` lists none, so nothing could be delivered".to_owned())
            }
            Self::Ports(ports) => {
                ports.contains(&0).then(|| format!("`{self}` lists port 0, which can't be connected to"))
            }
            Self::BlockInternal | Self::BlockNetworks(_) => None,
            Self::Unknown(text) => Some(format!(
                "`{}` is not a validator; use protocols=…, ports=…, block-internal or block-networks=…",
                text.escape_debug()
            )),
        };
        reason.map_or(Ok(()), |reason| Err(InvalidOption { option: "validator", reason }))
    }

    /// Checks the scheme of a URL, which needs no address.
    pub(crate) fn check_scheme(&self, scheme: &str) -> Result<(), TargetError> {
        match self {
            Self::Protocols(names) if !names.iter().any(|name| name == scheme) => {
                Err(TargetError::Protocol { scheme: scheme.to_owned() })
            }
            Self::Unknown(_) => Err(TargetError::UnknownValidator),
            _ => Ok(()),
        }
    }

    /// Checks an address against the blocked networks, which even an allowed network can't override.
    pub(crate) fn check_network(&self, ip: IpAddr) -> Result<(), TargetError> {
        match self {
            Self::BlockNetworks(networks) => {
                let is_blocked =
                    |ip: IpAddr| networks.iter().any(|network| network.contains(&ip) || contains_mapped(network, ip));
                if is_blocked(ip) || is_blocked(unwrapped(ip)) {
                    return Err(TargetError::Network { host: ip.to_string() });
                }
                Ok(())
            }
            Self::Unknown(_) => Err(TargetError::UnknownValidator),
            _ => Ok(()),
        }
    }

    pub(crate) fn allows_port(&self, port: u16) -> bool {
        match self {
            Self::Ports(ports) => ports.contains(&port),
            _ => true,
        }
    }

    fn parse_known(text: &str) -> Option<Self> {
        let (name, values) = text.split_once('=').unwrap_or((text, ""));
        let mut values = values.split(',').map(str::trim).filter(|value| !value.is_empty());
        Some(match name.trim() {
            "protocols" => Self::protocols(values),
            "ports" => Self::Ports(values.map(|port| port.parse().ok()).collect::<Option<_>>()?),
            "block-internal" => values.next().is_none().then_some(Self::BlockInternal)?,
            "block-networks" => Self::block_networks(values.map(network).collect::<Option<Vec<_>>>()?),
            _ => return None,
        })
    }
}

fn protocol(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    name.strip_suffix("://").unwrap_or(&name).to_owned()
}

/// Parses a network. A single address becomes the network of only that address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

impl fmt::Display for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocols(names) => list(f, "protocols", names),
            Self::Ports(ports) => list(f, "ports", ports),
            Self::BlockInternal => f.write_str("block-internal"),
            Self::BlockNetworks(networks) => list(f, "block-networks", networks),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, name: &str, values: &[impl fmt::Display]) -> fmt::Result {
    f.write_str(name)?;
    values.iter().enumerate().try_for_each(|(n, value)| write!(f, "{}{value}", if n == 0 { '=' } else { ',' }))
}

impl From<Validator> for String {
    fn from(validator: Validator) -> Self {
        validator.to_string()
    }
}

/// Never fails: unknown text becomes [`Validator::Unknown`], so that it refuses recipients instead of being ignored.
impl From<String> for Validator {
    fn from(text: String) -> Self {
        Self::parse_known(&text).unwrap_or(Self::Unknown(text))
    }
}

impl FromStr for Validator {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        let validator = Self::from(text.trim().to_owned());
        validator.check()?;
        Ok(validator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_170_validators_round_trip_through_text_even_unknown_ones() {
        let list = [
            Validator::protocols(["https"]),
            Validator::ports([80, 8080]),
            Validator::BlockInternal,
            Validator::block_networks(["10.1.2.3/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]),
            Validator::Unknown("moon=1".into()),
        ];
        let stored = serde_json::to_string(&list).unwrap();
        assert_eq!(
            stored,
            r#"["protocols=https","ports=80,8080","block-internal","block-networks=10.0.0.0/8,2001:db8::/32","moon=1"]"#
        );
        assert_eq!(serde_json::from_str::<Vec<Validator>>(&stored).unwrap(), list);
        for odd in ["ports=x", "ports=70000", "block-networks=10.0.0.0/99", "block-internal=1", "", "Ports=80"] {
            assert_eq!(Validator::from(odd.to_owned()), Validator::Unknown(odd.into()));
            assert!(odd.parse::<Validator>().unwrap_err().to_string().contains("is not a validator"), "{odd}");
        }
    }

    #[test]
    fn thorn_165_166_impossible_validators_are_refused() {
        for bad in ["protocols=ftp", "protocols", "ports=", "ports=0,80"] {
            assert!(bad.parse::<Validator>().is_err(), "{bad}");
        }
        for good in ["protocols=HTTP://,https", "ports=1", "block-internal", "block-networks=::1"] {
            assert!(good.parse::<Validator>().is_ok(), "{good}");
        }
    }
}
