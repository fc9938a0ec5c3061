//! The secret that a subscription's deliveries are signed with.

use std::{fmt, ops::RangeInclusive};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::{TryRng as _, rngs::SysRng};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A signing secret.
///
/// The text never appears in `Debug`, logs, errors or queue rows. It is wiped from memory on drop, and `==`
/// takes the same time wherever two texts of the same length differ.
///
/// # Examples
///
/// ```
/// use thorn_core::signing::Secret;
///
/// let secret = Secret::new("s3cr3t");
/// assert_eq!(secret.expose(), "s3cr3t");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// Random bytes in a generated secret: 336 bits, which base64 encodes without padding.
const GENERATED_BYTES: usize = 42;

/// The prefix of secrets in Standard Webhooks, followed by base64.
const PREFIX: &str = "whsec_";

/// How many bytes a key of Standard Webhooks may have.
const KEY_BYTES: RangeInclusive<usize> = 24..=64;

/// A secret that must not verify or sign anything. The message never shows the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedSecret {
    /// The secret is empty or contains only white space.
    #[error("the secret is empty")]
    Blank,
    /// The text after `whsec_` isn't base64.
    #[error("the text after `whsec_` is not base64; copy the whole secret, with its padding")]
    Encoding,
    /// The text after `whsec_` has too few or too many bytes.
    #[error("after `whsec_` there is base64 of {bytes} bytes; there must be 24 to 64, so copy the whole secret")]
    Length {
        /// The number of bytes.
        bytes: usize,
    },
}

impl Secret {
    /// A secret that a person chose or that a table stores.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Generates a secret of 42 random bytes in the form of Standard Webhooks: `whsec_` and base64.
    ///
    /// The same secret can sign `Hook-HMAC`.
    ///
    /// # Errors
    ///
    /// [`SysError`](rand::rngs::SysError) if the operating system provides no random bytes.
    pub fn generate() -> Result<Self, rand::rngs::SysError> {
        let mut bytes = Zeroizing::new([0; GENERATED_BYTES]);
        SysRng.try_fill_bytes(&mut *bytes)?;
        // A buffer that grew would leave copies of its content behind.
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + GENERATED_BYTES.div_ceil(3) * 4));
        text.push_str(PREFIX);
        STANDARD.encode_string(bytes.as_slice(), &mut text);
        Ok(Self(text))
    }

    /// The text, which is the key of `Hook-HMAC`.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Checks that a text with the prefix `whsec_` continues with base64 of 24 to 64 bytes, as Standard Webhooks
    /// requires, and that a text without the prefix isn't blank.
    ///
    /// # Errors
    ///
    /// [`MalformedSecret`], which doesn't show the text.
    pub fn check(&self) -> Result<(), MalformedSecret> {
        match self.decoded() {
            None if self.0.trim().is_empty() => Err(MalformedSecret::Blank),
            None => Ok(()),
            Some(Err(_)) => Err(MalformedSecret::Encoding),
            Some(Ok(key)) if KEY_BYTES.contains(&key.len()) => Ok(()),
            Some(Ok(key)) => Err(MalformedSecret::Length { bytes: key.len() }),
        }
    }

    /// Whether the key has at least as many bytes as Standard Webhooks asks for: 24.
    pub(crate) fn is_long_enough(&self) -> bool {
        self.standard_key().len() >= *KEY_BYTES.start()
    }

    /// The key for Standard Webhooks signatures; the copy is wiped from memory on drop.
    ///
    /// For a secret with the prefix `whsec_`, the key is the base64-decoded rest. For any other secret it is
    /// the bytes of the text.
    #[must_use]
    pub fn standard_key(&self) -> Zeroizing<Vec<u8>> {
        match self.decoded() {
            Some(Ok(key)) => key,
            _ => Zeroizing::new(self.0.as_bytes().to_vec()),
        }
    }

    /// The decoded text after the prefix `whsec_`, or `None` if the text has no such prefix.
    fn decoded(&self) -> Option<Result<Zeroizing<Vec<u8>>, base64::DecodeError>> {
        self.0.strip_prefix(PREFIX).map(|text| STANDARD.decode(text).map(Zeroizing::new))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_085_generated_secrets_are_random_and_never_printed() {
        let (one, two) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.expose().len(), 62);
        assert_eq!(one.check(), Ok(()));
        assert_eq!(one.standard_key().len(), GENERATED_BYTES);
        assert_eq!(format!("{one:?}"), "Secret(…)");
    }

    #[test]
    fn equal_secrets_have_equal_texts() {
        assert_eq!(Secret::new("s3cr3t"), Secret::new("s3cr3t"));
        for other in ["s3cr3T", "S3cr3t", "s3cr3", "s3cr3t!", ""] {
            assert_ne!(Secret::new("s3cr3t"), Secret::new(other), "{other}");
        }
    }

    #[test]
    fn a_malformed_secret_is_told_from_a_good_one_and_never_shown() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for good in [of(24), of(64), "s3cr3t".to_owned(), "whsec".to_owned()] {
            assert_eq!(Secret::new(good.clone()).check(), Ok(()), "{good}");
        }
        for (bad, error) in [
            (String::new(), MalformedSecret::Blank),
            (" \t\n".into(), MalformedSecret::Blank),
            ("whsec_".into(), MalformedSecret::Length { bytes: 0 }),
            ("whsec_AA==".into(), MalformedSecret::Length { bytes: 1 }),
            (of(23), MalformedSecret::Length { bytes: 23 }),
            (of(65), MalformedSecret::Length { bytes: 65 }),
            ("whsec_!".into(), MalformedSecret::Encoding),
            (of(24).replace('B', "-"), MalformedSecret::Encoding),
        ] {
            assert_eq!(Secret::new(bad.clone()).check(), Err(error), "{bad}");
        }
    }

    #[test]
    fn a_secret_without_the_prefix_is_its_own_key() {
        assert_eq!(*Secret::new("s3cr3t").standard_key(), *b"s3cr3t");
        assert_eq!(*Secret::new("whsec_!").standard_key(), *b"whsec_!");
    }
}
