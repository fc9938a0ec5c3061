//! Signatures on deliveries, made and verified. No I/O: keys, bodies and the time are passed in.

mod hmac;
mod standard;

pub use hmac::{compat_hmac, hook_hmac, verify_compat_hmac, verify_hook_hmac};
pub use standard::{standard_signature, verify_standard};

/// Why a signature wasn't accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A header that the signature needs isn't there.
    #[error("header `{0}` is missing")]
    Missing(&'static str),
    /// A header isn't written as it should be.
    #[error("header `{0}` is malformed")]
    Malformed(&'static str),
    /// The signature was made longer ago than is tolerated: a replay, or a clock that is wrong.
    #[error("the signature is too old; if it is fresh, compare the clocks of sender and receiver")]
    TooOld,
    /// The signature claims to be made in the future, further than is tolerated.
    #[error("the signature is from the future; compare the clocks of sender and receiver")]
    TooNew,
    /// It was made with another secret, over another body, or not by thorn.
    #[error("the signature doesn't match; compare the secrets, and verify the body's raw bytes before parsing them")]
    Mismatch,
}
