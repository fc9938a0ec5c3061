//! The reasons for which the guard refuses a URL.

use std::net::IpAddr;

/// The reason why deliveries must not go to a URL.
///
/// The message never contains the URL itself, because its path may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The text isn't a URL with a host.
    #[error("the URL can't be used: {reason}")]
    Url {
        /// Says what is wrong with the URL.
        reason: String,
    },
    /// The scheme is neither `http` nor `https`.
    #[error("the URL's scheme is `{scheme}`; use https or http")]
    Scheme {
        /// The scheme, in lower case.
        scheme: String,
    },
    /// A validator doesn't allow this scheme, although thorn can deliver over it.
    #[error("{scheme} isn't allowed here; the validators in force list the allowed protocols")]
    Protocol {
        /// The scheme, in lower case.
        scheme: String,
    },
    /// The URL contains a user name or password.
    #[error("the URL contains a user name or password; deliveries are signed instead")]
    Credentials,
    /// The port is closed to deliveries.
    #[error(
        "port {port} is closed to deliveries; use 443 or 80, or ask the operator to open it with `allow_ports`, or its network with `allow_networks` (THORN_ALLOW_NETWORKS)"
    )]
    Port {
        /// The port.
        port: u16,
    },
    /// An address of the host isn't public.
    #[error(
        "{}; deliveries go only to public addresses, unless the operator allows the network with `allow_networks` (THORN_ALLOW_NETWORKS)",
        refusal(host, address, kind)
    )]
    Address {
        /// The host in the URL.
        host: String,
        /// The first of its addresses that is refused.
        address: IpAddr,
        /// A description of the address, such as `a loopback address`.
        kind: &'static str,
    },
    /// A validator blocks an address of the host. The message doesn't show the address.
    #[error("`{host}` is refused: the validators in force block its network")]
    Network {
        /// The host in the URL.
        host: String,
    },
    /// This release doesn't know a stored validator of the event. It may come from a newer release.
    #[error("this worker doesn't know a validator of the event, so it refuses every recipient; upgrade the worker")]
    UnknownValidator,
    /// The host name has no address, or its lookup failed.
    #[error("host `{host}` can't be resolved: {reason}")]
    Unresolvable {
        /// The host in the URL.
        host: String,
        /// The error of the resolver.
        reason: String,
    },
}

impl TargetError {
    /// The same error with the host name in place of the address it resolved to.
    pub(crate) fn with_host(self, name: &str) -> Self {
        match self {
            Self::Address { address, kind, .. } => Self::Address { host: name.to_owned(), address, kind },
            Self::Network { .. } => Self::Network { host: name.to_owned() },
            other => other,
        }
    }
}

/// Describes a refused address. For a host name, the text hides the address: otherwise a subscriber could
/// look up names of the internal network. `Debug` shows it.
fn refusal(host: &str, address: &IpAddr, kind: &str) -> String {
    if host == address.to_string() {
        format!("{address} is refused, {kind}")
    } else {
        format!("host `{host}` is refused: its address isn't public")
    }
}
