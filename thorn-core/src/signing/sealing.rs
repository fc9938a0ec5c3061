//! Encryption of secrets and headers in the database, with a key that isn't stored there.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use rand::{TryRng as _, rngs::SysRng};
use zeroize::Zeroizing;

use crate::id::SubscriptionId;

/// The prefix of an encrypted text in a table. The digit is the version of the format.
pub(crate) const SEALED_PREFIX: &str = "enc1:";

const NONCE_BYTES: usize = 24;

/// The key that encrypts the secrets and headers of subscriptions in the database.
///
/// A key has 32 bytes and is written as base64; `openssl rand -base64 32` makes one. Keys are wiped from
/// memory on drop.
///
/// To rotate the key, write the new one before the old one, separated by a comma. The first key encrypts, and
/// every key decrypts. A subscription is encrypted with the new key when it is next updated.
///
/// The cipher is XChaCha20-Poly1305, whose nonces are long enough to be chosen at random. An encrypted text is
/// bound to its subscription and column, and can't be decrypted in another place.
///
/// # Examples
///
/// ```
/// use thorn_core::signing::SecretKey;
///
/// let key: SecretKey = "yfO6M3xgBJcLNXGDOnlq+3mA8SSoP0LuqvV8pGvmCaU=".parse()?;
/// assert_eq!(format!("{key:?}"), "SecretKey(…)");
/// # Ok::<(), thorn_core::signing::ParseSecretKeyError>(())
/// ```
#[derive(Clone)]
pub struct SecretKey {
    ciphers: Arc<[XChaCha20Poly1305]>,
}

/// The text isn't a [`SecretKey`]. The message never shows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseSecretKeyError {
    /// A key isn't base64.
    #[error("key {number} is not base64; make one with `openssl rand -base64 32`")]
    Encoding {
        /// The position of the key, counted from 1.
        number: usize,
    },
    /// A key doesn't have 32 bytes.
    #[error("key {number} has {length} bytes and must have 32; make one with `openssl rand -base64 32`")]
    Length {
        /// The position of the key, counted from 1.
        number: usize,
        /// The number of bytes in the key.
        length: usize,
    },
}

/// A secret can't be generated, or a subscription's secret or headers can't be encrypted or decrypted.
///
/// The message never shows the secret or the headers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The operating system provides no random bytes.
    #[error("the operating system provides no random bytes for a secret: {0}")]
    Randomness(#[from] rand::rngs::SysError),
    /// The cipher failed.
    #[error("the {what} of subscription {subscription} can't be encrypted")]
    Seal {
        /// `secret` or `headers`.
        what: &'static str,
        /// The subscription it belongs to.
        subscription: SubscriptionId,
    },
    /// The text is encrypted, and no key is configured.
    #[error("the {what} of subscription {subscription} is encrypted, but no key is configured; set THORN_SECRET_KEY")]
    NoKey {
        /// `secret` or `headers`.
        what: &'static str,
        /// The subscription it belongs to.
        subscription: SubscriptionId,
    },
    /// The text is encrypted with another key, is damaged, or belongs to another subscription.
    #[error(
        "the {what} of subscription {subscription} can't be decrypted with the configured key; add the key that encrypted it to THORN_SECRET_KEY, or replace the {what}"
    )]
    WrongKey {
        /// `secret` or `headers`.
        what: &'static str,
        /// The subscription it belongs to.
        subscription: SubscriptionId,
    },
}

impl FromStr for SecretKey {
    type Err = ParseSecretKeyError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let read = |(index, text): (usize, &str)| {
            let number = index + 1;
            let decoded = STANDARD.decode(text.trim()).map_err(|_| ParseSecretKeyError::Encoding { number })?;
            let key = Zeroizing::new(decoded);
            let wrong_length = |_| ParseSecretKeyError::Length { number, length: key.len() };
            XChaCha20Poly1305::new_from_slice(&key).map_err(wrong_length)
        };
        Ok(Self { ciphers: s.split(',').enumerate().map(read).collect::<Result<_, _>>()? })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// A column of a subscription that is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealedColumn {
    Secret,
    Headers,
}

impl SealedColumn {
    const fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Headers => "headers",
        }
    }

    /// The associated data that binds an encrypted text to its row and column.
    fn binding(self, id: SubscriptionId) -> Vec<u8> {
        let id = id.as_uuid();
        match self {
            Self::Secret => id.as_bytes().to_vec(),
            Self::Headers => [id.as_bytes(), self.name().as_bytes()].concat(),
        }
    }
}

/// Encrypts a text for storage. Without a key, the text is stored as it is.
pub(crate) fn seal(
    text: &str,
    part: SealedColumn,
    id: SubscriptionId,
    key: Option<&SecretKey>,
) -> Result<String, SecretError> {
    let Some(cipher) = key.and_then(|key| key.ciphers.first()) else {
        return Ok(text.to_owned());
    };
    let mut nonce = [0; NONCE_BYTES];
    SysRng.try_fill_bytes(&mut nonce)?;
    let payload = Payload { msg: text.as_bytes(), aad: &part.binding(id) };
    let failed = |_| SecretError::Seal { what: part.name(), subscription: id };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(failed)?;
    Ok(format!("{SEALED_PREFIX}{}", STANDARD.encode([&nonce[..], &sealed[..]].concat())))
}

/// Decrypts a text that [`seal`] made. A text without the prefix was stored without a key and is returned as
/// it is.
pub(crate) fn unseal(
    stored: &str,
    part: SealedColumn,
    id: SubscriptionId,
    key: Option<&SecretKey>,
) -> Result<String, SecretError> {
    let Some(sealed) = stored.strip_prefix(SEALED_PREFIX) else {
        return Ok(stored.to_owned());
    };
    let what = part.name();
    let key = key.ok_or(SecretError::NoKey { what, subscription: id })?;
    decrypt(sealed, &part.binding(id), key).ok_or(SecretError::WrongKey { what, subscription: id })
}

fn decrypt(sealed: &str, binding: &[u8], key: &SecretKey) -> Option<String> {
    let bytes = STANDARD.decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let nonce = XNonce::from(*nonce);
    let decrypt_with = |cipher: &XChaCha20Poly1305| cipher.decrypt(&nonce, Payload { msg: sealed, aad: binding }).ok();
    let text = key.ciphers.iter().find_map(decrypt_with)?;
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| STANDARD.encode([*byte; 32])).collect::<Vec<_>>().join(", ")
    }

    fn parse(bytes: &[u8]) -> SecretKey {
        key(bytes).parse().unwrap()
    }

    #[test]
    fn an_encrypted_secret_hides_the_text_and_is_decrypted_with_its_key() {
        let (id, secret, key) = (SubscriptionId::generate(), "s3cr3t", parse(&[1]));
        let sealed = seal(secret, SealedColumn::Secret, id, Some(&key)).unwrap();
        assert!(sealed.starts_with("enc1:") && !sealed.contains("s3cr3t"), "{sealed}");
        assert_ne!(
            sealed,
            seal(secret, SealedColumn::Secret, id, Some(&key)).unwrap(),
            "each encryption has its own nonce"
        );
        assert_eq!(unseal(&sealed, SealedColumn::Secret, id, Some(&key)).unwrap(), secret);
    }

    #[test]
    fn the_first_key_encrypts_and_every_key_decrypts() {
        let (id, secret) = (SubscriptionId::generate(), "s");
        let old = seal(secret, SealedColumn::Secret, id, Some(&parse(&[1]))).unwrap();
        let both = parse(&[2, 1]);
        assert_eq!(unseal(&old, SealedColumn::Secret, id, Some(&both)).unwrap(), secret);
        let new = seal(secret, SealedColumn::Secret, id, Some(&both)).unwrap();
        assert_eq!(unseal(&new, SealedColumn::Secret, id, Some(&parse(&[2]))).unwrap(), secret);
        assert!(unseal(&new, SealedColumn::Secret, id, Some(&parse(&[1]))).is_err());
    }

    #[test]
    fn secrets_stored_without_a_key_stay_readable_with_one() {
        let (id, secret) = (SubscriptionId::generate(), "s");
        let plain = seal(secret, SealedColumn::Secret, id, None).unwrap();
        assert_eq!(plain, "s");
        assert_eq!(unseal(&plain, SealedColumn::Secret, id, Some(&parse(&[1]))).unwrap(), secret);
    }

    #[test]
    fn a_decryption_error_names_the_subscription_but_not_the_secret() {
        let (id, key) = (SubscriptionId::generate(), parse(&[1]));
        let sealed = seal("s3cr3t", SealedColumn::Secret, id, Some(&key)).unwrap();
        let no_key = unseal(&sealed, SealedColumn::Secret, id, None).unwrap_err();
        assert!(matches!(no_key, SecretError::NoKey { .. }), "{no_key}");
        let other = SubscriptionId::generate();
        let mut damaged = sealed.clone();
        damaged.truncate(sealed.len() - 4);
        for (stored, id, key) in
            [(&sealed, id, parse(&[2])), (&sealed, other, key.clone()), (&damaged, id, key.clone())]
        {
            let error = unseal(stored, SealedColumn::Secret, id, Some(&key)).unwrap_err();
            assert!(matches!(error, SecretError::WrongKey { .. }), "{error}");
            assert!(error.to_string().contains(&id.to_string()) && !error.to_string().contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn an_encrypted_text_can_not_be_decrypted_in_another_column() {
        let (id, key) = (SubscriptionId::generate(), parse(&[1]));
        for (part, other) in
            [(SealedColumn::Secret, SealedColumn::Headers), (SealedColumn::Headers, SealedColumn::Secret)]
        {
            let sealed = seal("text", part, id, Some(&key)).unwrap();
            assert_eq!(unseal(&sealed, part, id, Some(&key)).unwrap(), "text");
            assert!(unseal(&sealed, other, id, Some(&key)).is_err());
        }
    }

    #[test]
    fn invalid_keys_are_refused_and_stay_out_of_the_message() {
        let error = |text: &str| text.parse::<SecretKey>().unwrap_err();
        assert_eq!(error(""), ParseSecretKeyError::Length { number: 1, length: 0 });
        assert_eq!(error("hush!"), ParseSecretKeyError::Encoding { number: 1 });
        assert_eq!(error(&format!("{},aGk=", key(&[1]))), ParseSecretKeyError::Length { number: 2, length: 2 });
        assert!(!error("hush!").to_string().contains("hush"));
        assert_eq!(format!("{:?}", parse(&[1])), "SecretKey(…)");
    }
}
