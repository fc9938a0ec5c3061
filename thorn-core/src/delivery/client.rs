//! The HTTP client that deliveries go through.

mod outgoing;

use crate::Error;

use super::{Attempt, TargetGuard};

pub use outgoing::Outgoing;

/// Settings of a [`Client`].
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Which addresses may be connected to.
    pub guard: TargetGuard,
    /// Bytes of a response's body that are read and kept. Default 4096.
    pub max_response_bytes: usize,
    /// The header `User-Agent`, unless the event brings its own.
    pub user_agent: String,
    /// Certificate authorities to trust besides the system's, each in PEM (one or many) or DER.
    pub extra_root_certificates: Vec<Vec<u8>>,
    /// Connections kept open for each host, to be used again. Default 8.
    pub idle_connections: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            guard: TargetGuard::new(),
            max_response_bytes: 4096,
            user_agent: concat!("Mozilla/5.0 (compatible; thorn/", env!("CARGO_PKG_VERSION"), "; reqwest)").to_owned(),
            extra_root_certificates: Vec::new(),
            idle_connections: 8,
        }
    }
}

/// Sends deliveries.
#[derive(Clone, Debug)]
pub struct Client {}

impl Client {
    /// A client with its own pool of connections; clones share it.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if a certificate can't be read or the system trusts no authority.
    pub fn new(_config: ClientConfig) -> Result<Self, Error> {
        todo!()
    }

    /// Makes one attempt. Every way it can end is an [`Outcome`](super::Outcome), never an `Err`.
    pub async fn send(&self, _outgoing: &Outgoing<'_>) -> Attempt {
        todo!()
    }
}
