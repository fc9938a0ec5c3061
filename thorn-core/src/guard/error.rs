//! Why a URL was refused.

use std::net::IpAddr;

/// Why deliveries must not go to a URL. The URL itself is never part of the text: its path may be a
/// secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The text isn't a URL that can be delivered to.
    #[error("the URL can't be used: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// Neither `http` nor `https`.
    #[error("the URL's scheme is `{scheme}`; use https or http")]
    Scheme {
        /// The scheme, in lower case.
        scheme: String,
    },
    /// A protocol that isn't allowed here, though deliveries could go by it.
    #[error("{scheme} isn't allowed here; the validators in force name the protocols that are")]
    Protocol {
        /// The scheme, in lower case.
        scheme: String,
    },
    /// User name or password in the URL.
    #[error("the URL contains a user name or password; deliveries are signed instead")]
    Credentials,
    /// A port that is closed to deliveries.
    #[error(
        "port {port} is closed to deliveries; use 443 or 80, or have the operator open it with `allow_ports`, or its network with `allow_networks` (THORN_ALLOW_NETWORKS)"
    )]
    Port {
        /// The port.
        port: u16,
    },
    /// An address that isn't one of the public internet.
    #[error(
        "{}; deliveries go to the public internet only, unless the operator allows the network with `allow_networks` (THORN_ALLOW_NETWORKS)",
        told(host, address, kind)
    )]
    Address {
        /// The host as in the URL.
        host: String,
        /// The first of its addresses that is refused.
        address: IpAddr,
        /// What the address is.
        kind: &'static str,
    },
    /// An address that a validator blocks. Which one a name has isn't told.
    #[error("`{host}` is refused: the validators in force block its network")]
    Network {
        /// The host as in the URL.
        host: String,
    },
    /// A stored validator that this release doesn't know.
    #[error("a validator of the event isn't known to this worker; it refuses every recipient until a worker knows it")]
    UnknownValidator,
    /// The host has no address.
    #[error("host `{host}` can't be resolved: {reason}")]
    Unresolvable {
        /// The host as in the URL.
        host: String,
        /// What the resolver said.
        reason: String,
    },
}

impl TargetError {
    /// Names the host whose address was refused.
    pub(crate) fn of_host(self, name: &str) -> Self {
        match self {
            Self::Address { address, kind, .. } => Self::Address { host: name.to_owned(), address, kind },
            Self::Network { .. } => Self::Network { host: name.to_owned() },
            other => other,
        }
    }
}

/// What a name resolves to isn't told to whoever wrote the URL: that would let them read the names
/// of an internal network. `Debug` shows it.
fn told(host: &str, address: &IpAddr, kind: &str) -> String {
    if host == address.to_string() {
        format!("{address} is refused, {kind}")
    } else {
        format!("host `{host}` is refused: it isn't on the public internet")
    }
}
