//! The error for a setting or option with an invalid value.

/// A setting or option has an invalid value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid {option}: {reason}")]
pub struct InvalidOption {
    /// The name of the setting or option.
    pub option: &'static str,
    /// Says what is wrong with the value, and which values are allowed.
    pub reason: String,
}
