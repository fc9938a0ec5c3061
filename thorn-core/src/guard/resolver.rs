//! Where the addresses of a host name come from.

use std::{net::IpAddr, time::Duration};

use tokio::{net::lookup_host, time::timeout};

/// A name that takes longer to resolve counts as one that doesn't. A delivery's own deadline is
/// usually shorter.
const LONGEST_LOOKUP: Duration = Duration::from_secs(10);

/// What answers questions for host names.
#[derive(Clone, Debug, Default)]
pub(crate) enum Resolver {
    /// The system's resolver.
    #[default]
    System,
    /// Prepared answers, to each question the next one: a DNS that changes its mind.
    #[cfg(test)]
    Prepared(std::sync::Arc<std::sync::Mutex<std::collections::VecDeque<Vec<IpAddr>>>>),
    /// Name servers that never answer.
    #[cfg(test)]
    Silent,
}

impl Resolver {
    /// Every address of the host, or why there is none.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        match self {
            Self::System => match timeout(LONGEST_LOOKUP, lookup_host((host, 0))).await {
                Ok(Ok(addresses)) => Ok(addresses.map(|address| address.ip()).collect()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the name servers took too long to answer".to_owned()),
            },
            #[cfg(test)]
            Self::Prepared(answers) => {
                answers.lock().unwrap().pop_front().ok_or_else(|| "no answer is left".to_owned())
            }
            #[cfg(test)]
            Self::Silent => std::future::pending().await,
        }
    }
}

#[cfg(test)]
impl super::TargetGuard {
    /// The same guard in front of a DNS that gives these answers, one after the other.
    pub(crate) fn resolving_to<A>(mut self, answers: impl IntoIterator<Item = A>) -> Self
    where
        A: AsRef<[&'static str]>,
    {
        let parse = |answer: A| answer.as_ref().iter().map(|ip| ip.parse().unwrap()).collect();
        self.resolver =
            Resolver::Prepared(std::sync::Arc::new(std::sync::Mutex::new(answers.into_iter().map(parse).collect())));
        self
    }

    /// The same guard in front of a DNS that never answers.
    pub(crate) fn with_silent_dns(mut self) -> Self {
        self.resolver = Resolver::Silent;
        self
    }

    /// How many prepared answers nobody asked for.
    pub(crate) fn unused_answers(&self) -> usize {
        match &self.resolver {
            Resolver::Prepared(answers) => answers.lock().unwrap().len(),
            Resolver::System | Resolver::Silent => 0,
        }
    }
}
