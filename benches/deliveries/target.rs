//! Where the deliveries of a backlog go. All of it is the one receiver.

/// The hosts that deliveries go to, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One host.
    Host,
    /// So many hosts: addresses of the loopback network.
    Hosts(usize),
    /// One host, with TLS.
    Tls,
}

impl Target {
    /// The address of the host that the subscription with this number names.
    pub(crate) fn address(self, subscription: usize) -> String {
        let host = match self {
            Self::Host | Self::Tls => 0,
            Self::Hosts(hosts) => subscription % hosts,
        };
        format!("127.0.{}.{}", host / 250, host % 250 + 1)
    }
}
