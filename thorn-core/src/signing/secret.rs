//! The secret a subscription's deliveries are signed with.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::{TryRng as _, rngs::SysRng};

/// A signing secret. Its text never appears in `Debug`, logs, errors or queue rows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Random bytes in a generated secret: 336 bits, and base64 without padding.
const GENERATED_BYTES: usize = 42;

/// How Standard Webhooks marks a secret.
const PREFIX: &str = "whsec_";

impl Secret {
    /// A secret given by a person or read from the table.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A fresh secret from the operating system's generator, in the form of Standard Webhooks
    /// (`whsec_` and base64), which is also a valid secret for `Hook-HMAC`.
    ///
    /// # Errors
    ///
    /// If the operating system has no randomness to give.
    pub fn generate() -> Result<Self, rand::rngs::SysError> {
        let mut bytes = [0; GENERATED_BYTES];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", STANDARD.encode(bytes))))
    }

    /// The text itself, to be shown once or used as the key of `Hook-HMAC`.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is what it claims to be: after `whsec_` comes base64 of 24 to 64 bytes, as Standard
    /// Webhooks has it. Any text without that prefix is.
    pub(crate) fn is_well_formed(&self) -> bool {
        let key = self.0.strip_prefix(PREFIX).map(|text| STANDARD.decode(text));
        key.is_none_or(|key| key.is_ok_and(|key| (24..=64).contains(&key.len())))
    }

    /// The key of a Standard Webhooks signature: what the base64 after `whsec_` stands for, or the
    /// text's own bytes for a secret of another form.
    #[must_use]
    pub fn standard_key(&self) -> Cow<'_, [u8]> {
        match self.0.strip_prefix(PREFIX).map(|text| STANDARD.decode(text)) {
            Some(Ok(key)) => Cow::Owned(key),
            _ => Cow::Borrowed(self.0.as_bytes()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_085_generated_secrets_are_strong_and_never_printed() {
        let (one, two) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.expose().len(), 62);
        assert_eq!(one.standard_key().len(), GENERATED_BYTES);
        assert_eq!(format!("{one:?}"), "Secret(…)");
    }

    #[test]
    fn a_plain_secret_is_its_own_key() {
        assert_eq!(*Secret::new("s3cr3t").standard_key(), *b"s3cr3t");
        assert_eq!(*Secret::new("whsec_!").standard_key(), *b"whsec_!");
    }
}
