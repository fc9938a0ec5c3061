//! The reasons why verification of a signature fails.

use super::secret::MalformedSecret;

/// The reason why verification of a signature failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A header that verification needs is missing.
    #[error("header `{0}` is missing")]
    Missing(&'static str),
    /// A header has the wrong format.
    #[error("header `{0}` is malformed")]
    Malformed(&'static str),
    /// The secret of this program is malformed. Such a secret never verifies anything, because anybody could guess its
    /// key.
    #[error("the receiver's own secret can't be used: {0}")]
    Secret(MalformedSecret),
    /// The signature is older than the tolerance: it was replayed, or a clock is wrong.
    #[error("the signature is too old; if it was just made, compare the clocks of sender and receiver")]
    TooOld,
    /// The timestamp of the signature is further in the future than the tolerance.
    #[error("the signature is from the future; compare the clocks of sender and receiver")]
    TooNew,
    /// The signature belongs to another secret, body, id or timestamp.
    #[error("the signature doesn't match; compare the secrets, and verify the body's raw bytes before parsing them")]
    Mismatch,
}
