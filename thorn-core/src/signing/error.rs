//! Why a signature was refused.

/// Why a signature was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A header that the signature needs is missing.
    #[error("header `{0}` is missing")]
    Missing(&'static str),
    /// A header doesn't have the form it needs.
    #[error("header `{0}` is malformed")]
    Malformed(&'static str),
    /// The signature is older than tolerated: a replay, or a wrong clock.
    #[error("the signature is too old; if it is fresh, compare the clocks of sender and receiver")]
    TooOld,
    /// The signature's time lies further in the future than tolerated.
    #[error("the signature is from the future; compare the clocks of sender and receiver")]
    TooNew,
    /// The signature was made with another secret, over another body, or not by thorn.
    #[error("the signature doesn't match; compare the secrets, and verify the body's raw bytes before parsing them")]
    Mismatch,
}
