//! The hash functions for `Hook-HMAC`.

use std::{fmt, str::FromStr};

/// The hash function of a subscription's `Hook-HMAC`. The default is SHA-256.
///
/// Parsing ignores letter case. `Display` writes lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Digest {
    /// `sha1`, for receivers that support nothing better.
    Sha1,
    /// `sha224`.
    Sha224,
    /// `sha256`, the default.
    #[default]
    Sha256,
    /// `sha384`.
    Sha384,
    /// `sha512`.
    Sha512,
}

/// The text isn't the name of a [`Digest`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown digest `{0}`; use sha256, sha512, sha384, sha224 or sha1")]
pub struct ParseDigestError(String);

impl Digest {
    /// Every digest, beginning with the default.
    pub const ALL: [Self; 5] = [Self::Sha256, Self::Sha512, Self::Sha384, Self::Sha224, Self::Sha1];

    /// The name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let name = s.trim();
        Self::ALL
            .into_iter()
            .find(|digest| digest.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| ParseDigestError(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_087_088_any_letter_case_is_parsed_and_lower_case_is_written() {
        for (text, digest) in [("SHA512", Digest::Sha512), ("sha1", Digest::Sha1), ("Sha224", Digest::Sha224)] {
            assert_eq!(text.parse(), Ok(digest));
            assert_eq!(digest.to_string(), text.to_lowercase());
        }
        assert!("md5".parse::<Digest>().unwrap_err().to_string().contains("`md5`"));
        assert_eq!(Digest::default(), Digest::Sha256);
    }
}
