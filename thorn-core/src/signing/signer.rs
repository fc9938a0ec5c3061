//! The algorithms for `Hook-HMAC`.

use std::{fmt, str::FromStr};

/// The algorithm that makes a subscription's `Hook-HMAC`. The default is [`Hmac`](Self::Hmac).
///
/// Parsing ignores letter case. `Display` writes lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signer {
    /// `hmac`: base64 of the HMAC of the body; see [`hook_hmac`](crate::signing::hook_hmac).
    #[default]
    Hmac,
    /// `compat`: the default signature of Python Thorn, for receivers that still verify it; see
    /// [`compat_hmac`](crate::signing::compat_hmac).
    Compat,
}

/// The text isn't the name of a [`Signer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signer `{0}`; use hmac or compat")]
pub struct ParseSignerError(String);

impl Signer {
    /// Every signer, beginning with the default.
    pub const ALL: [Self; 2] = [Self::Hmac, Self::Compat];

    /// The name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hmac => "hmac",
            Self::Compat => "compat",
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Signer {
    type Err = ParseSignerError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let name = s.trim();
        Self::ALL
            .into_iter()
            .find(|signer| signer.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| ParseSignerError(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_147_hmac_is_the_default_signer_and_any_letter_case_is_parsed() {
        assert_eq!(Signer::default(), Signer::Hmac);
        assert_eq!(("HMAC".parse(), " Compat ".parse()), (Ok(Signer::Hmac), Ok(Signer::Compat)));
        let dotted = "thorn.utils.hmac:compat_sign".parse::<Signer>().unwrap_err();
        assert!(dotted.to_string().ends_with("use hmac or compat"), "{dotted}");
    }
}
