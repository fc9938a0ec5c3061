//! Looks up the addresses of host names.

use std::{
    net::{IpAddr, ToSocketAddrs},
    sync::LazyLock,
};

use super::lookups::Lookups;
use crate::tenant::Tenant;

/// The lookups by the system's resolver. All guards of the process share their threads.
static SYSTEM: LazyLock<Lookups> = LazyLock::new(|| {
    Lookups::by(|host| {
        #[cfg(feature = "testing")]
        if let Some(addresses) = super::test_names::addresses(host) {
            return Ok(addresses);
        }
        match (host, 0).to_socket_addrs() {
            Ok(addresses) => Ok(addresses.map(|address| address.ip()).collect()),
            Err(error) => Err(error.to_string()),
        }
    })
});

/// The source of the addresses.
#[derive(Clone, Debug, Default)]
pub(crate) enum Resolver {
    /// The system's resolver.
    #[default]
    System,
    /// Prepared answers, one per lookup, like a DNS whose records change.
    #[cfg(test)]
    Prepared(std::sync::Arc<std::sync::Mutex<std::collections::VecDeque<Vec<IpAddr>>>>),
    /// A DNS that never answers.
    #[cfg(test)]
    Silent,
}

impl Resolver {
    /// Returns every address of the host, or the reason why there is none.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        match self {
            Self::System => SYSTEM.look_up(host, Tenant::current()).await,
            #[cfg(test)]
            Self::Prepared(answers) => {
                answers.lock().unwrap().pop_front().ok_or_else(|| "no prepared answer is left".to_owned())
            }
            #[cfg(test)]
            Self::Silent => std::future::pending().await,
        }
    }
}
