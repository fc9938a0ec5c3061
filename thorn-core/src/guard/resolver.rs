//! Looks up the addresses of host names.

use std::{net::IpAddr, time::Duration};

use tokio::{net::lookup_host, time::timeout};

/// How long a lookup may take before the name counts as unresolvable. The deadline of a delivery is
/// usually shorter.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

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
            Self::System => match timeout(LOOKUP_TIMEOUT, lookup_host((host, 0))).await {
                Ok(Ok(addresses)) => Ok(addresses.map(|address| address.ip()).collect()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the name servers took too long to answer".to_owned()),
            },
            #[cfg(test)]
            Self::Prepared(answers) => {
                answers.lock().unwrap().pop_front().ok_or_else(|| "no prepared answer is left".to_owned())
            }
            #[cfg(test)]
            Self::Silent => std::future::pending().await,
        }
    }
}
