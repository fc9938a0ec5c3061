//! Secrets and headers at rest: encrypted with a key that isn't in the database.

use std::{fmt, str::FromStr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use rand::{TryRng as _, rngs::SysRng};

use crate::id::SubscriptionId;

/// Marks what is sealed in the table, with the version of its form.
pub(crate) const SEALED_PREFIX: &str = "enc1:";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The key that subscriptions' secrets and headers are encrypted with in the database: 32 bytes, written as
/// base64 (`openssl rand -base64 32`).
///
/// To change it, write the new key before the old one, separated by a comma: the first encrypts,
/// all decrypt, and a subscription's secret gets the new key when the subscription is next updated.
///
/// The cipher is XChaCha20-Poly1305, whose nonces are long enough to be random. A sealed secret is
/// bound to its subscription: moved to another one it can't be read.
#[derive(Clone)]
pub struct SecretKey {
    ciphers: Arc<[XChaCha20Poly1305]>,
}

/// The text is no [`SecretKey`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseSecretKeyError {
    /// A key isn't base64.
    #[error("key {number} is not base64; make one with `openssl rand -base64 32`")]
    Encoding {
        /// Which of the keys, counted from 1.
        number: usize,
    },
    /// A key has another length.
    #[error("key {number} is {length} bytes, it must be 32; make one with `openssl rand -base64 32`")]
    Length {
        /// Which of the keys, counted from 1.
        number: usize,
        /// Its bytes.
        length: usize,
    },
}

/// A subscription's secret can't be made, or its secret or headers can't be read. Never shows either.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The operating system gives no random bytes.
    #[error("no randomness for a secret: {0}")]
    Randomness(#[from] rand::rngs::SysError),
    /// The cipher refused it.
    #[error("the {what} of subscription {subscription} can't be encrypted")]
    Seal {
        /// `secret` or `headers`.
        what: &'static str,
        /// Whose it is.
        subscription: SubscriptionId,
    },
    /// It is encrypted, and no key is configured.
    #[error("the {what} of subscription {subscription}: encrypted, but no key is configured; set THORN_SECRET_KEY")]
    NoKey {
        /// `secret` or `headers`.
        what: &'static str,
        /// Whose it is.
        subscription: SubscriptionId,
    },
    /// It is encrypted with another key, damaged, or another subscription's.
    #[error(
        "the {what} of subscription {subscription} can't be decrypted with the configured key; add the key that was used to THORN_SECRET_KEY, or replace the {what}"
    )]
    WrongKey {
        /// `secret` or `headers`.
        what: &'static str,
        /// Whose it is.
        subscription: SubscriptionId,
    },
}

impl FromStr for SecretKey {
    type Err = ParseSecretKeyError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let read = |(index, text): (usize, &str)| {
            let number = index + 1;
            let bytes = STANDARD.decode(text.trim()).map_err(|_| ParseSecretKeyError::Encoding { number })?;
            let length = bytes.len();
            let key: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| ParseSecretKeyError::Length { number, length })?;
            Ok(XChaCha20Poly1305::new(&key.into()))
        };
        Ok(Self { ciphers: s.split(',').enumerate().map(read).collect::<Result<_, _>>()? })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// What of a subscription is sealed.
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

    /// What it is bound to, so that nobody can put it into another column or row.
    fn binding(self, id: SubscriptionId) -> Vec<u8> {
        let id = id.as_uuid();
        match self {
            Self::Secret => id.as_bytes().to_vec(),
            Self::Headers => [id.as_bytes(), self.name().as_bytes()].concat(),
        }
    }
}

/// A text as the table holds it: sealed if there is a key, else as it is.
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
    let refused = |_| SecretError::Seal { what: part.name(), subscription: id };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(refused)?;
    Ok(format!("{SEALED_PREFIX}{}", STANDARD.encode([&nonce[..], &sealed[..]].concat())))
}

/// Reads what [`seal`] wrote, and plain texts from before there was a key.
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
    let open = |cipher: &XChaCha20Poly1305| cipher.decrypt(&nonce, Payload { msg: sealed, aad: binding }).ok();
    let text = key.ciphers.iter().find_map(open)?;
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| STANDARD.encode([*byte; KEY_BYTES])).collect::<Vec<_>>().join(", ")
    }

    fn parse(bytes: &[u8]) -> SecretKey {
        key(bytes).parse().unwrap()
    }

    #[test]
    fn a_sealed_secret_shows_nothing_and_opens_with_its_key() {
        let (id, secret, key) = (SubscriptionId::generate(), "s3cr3t", parse(&[1]));
        let sealed = seal(secret, SealedColumn::Secret, id, Some(&key)).unwrap();
        assert!(sealed.starts_with("enc1:") && !sealed.contains("s3cr3t"), "{sealed}");
        assert_ne!(sealed, seal(secret, SealedColumn::Secret, id, Some(&key)).unwrap(), "a nonce is used once");
        assert_eq!(unseal(&sealed, SealedColumn::Secret, id, Some(&key)).unwrap(), secret);
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let (id, secret) = (SubscriptionId::generate(), "s");
        let old = seal(secret, SealedColumn::Secret, id, Some(&parse(&[1]))).unwrap();
        let both = parse(&[2, 1]);
        assert_eq!(unseal(&old, SealedColumn::Secret, id, Some(&both)).unwrap(), secret);
        let new = seal(secret, SealedColumn::Secret, id, Some(&both)).unwrap();
        assert_eq!(unseal(&new, SealedColumn::Secret, id, Some(&parse(&[2]))).unwrap(), secret);
        assert!(unseal(&new, SealedColumn::Secret, id, Some(&parse(&[1]))).is_err());
    }

    #[test]
    fn without_a_key_secrets_are_plain_and_stay_readable_with_one() {
        let (id, secret) = (SubscriptionId::generate(), "s");
        let plain = seal(secret, SealedColumn::Secret, id, None).unwrap();
        assert_eq!(plain, "s");
        assert_eq!(unseal(&plain, SealedColumn::Secret, id, Some(&parse(&[1]))).unwrap(), secret);
    }

    #[test]
    fn what_can_not_be_opened_says_whose_it_is() {
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
    fn a_sealed_text_opens_in_its_own_column_only() {
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
    fn bad_keys_are_refused_without_being_shown() {
        let error = |text: &str| text.parse::<SecretKey>().unwrap_err();
        assert_eq!(error(""), ParseSecretKeyError::Length { number: 1, length: 0 });
        assert_eq!(error("hush!"), ParseSecretKeyError::Encoding { number: 1 });
        assert_eq!(error(&format!("{},aGk=", key(&[1]))), ParseSecretKeyError::Length { number: 2, length: 2 });
        assert!(!error("hush!").to_string().contains("hush"));
        assert_eq!(format!("{:?}", parse(&[1])), "SecretKey(…)");
    }
}
