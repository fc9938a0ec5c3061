//! Signatures of deliveries, the secrets that make them, and the encryption of stored secrets.
//!
//! These functions do no I/O. Keys, bodies and the time are arguments.

mod digest;
mod error;
mod hmac;
mod scheme;
mod sealing;
mod secret;
mod signer;
mod standard;
mod task_key;

pub use digest::{Digest, ParseDigestError};
pub use error::SignatureError;
pub use hmac::{compat_hmac, hook_hmac, hub_signature, verify_compat_hmac, verify_hook_hmac};
pub use scheme::Signing;
pub use sealing::{ParseSecretKeyError, SecretError, SecretKey};
pub(crate) use sealing::{SEALED_2_PREFIX, SEALED_PREFIX, SealedColumn, SealedPlace, seal, unseal};
pub use secret::{MalformedSecret, Secret};
pub use signer::{ParseSignerError, Signer};
pub use standard::{standard_signature, verify_standard};
pub(crate) use task_key::TaskKey;
