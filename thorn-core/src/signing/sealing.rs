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

/// The prefix of every encrypted text in a table.
pub(crate) const SEALED_PREFIX: &str = "enc1:";

/// The prefix of an encrypted text of the second version, which is bound to its owner and URL.
///
/// It begins with [`SEALED_PREFIX`], so that release 0.1 finds no base64 after it and refuses the text. With another
/// prefix, release 0.1 would sign with the encrypted text as if it were the secret.
pub(crate) const SEALED_2_PREFIX: &str = "enc1:2:";

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
/// bound to its subscription, column, owner and URL, and can't be decrypted in another place. So whoever can write to
/// the table can't make a subscription their own and have its secret shown.
///
/// When a `Thorn` with a key is built, it encrypts what an earlier release left in clear text or bound to the
/// subscription and column only. [`sealed_only`](Self::sealed_only) then refuses both.
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
    sealed_only: bool,
}

impl SecretKey {
    /// Refuses texts in clear text, and encrypted texts that aren't bound to their owner and URL.
    #[must_use]
    pub fn sealed_only(mut self) -> Self {
        self.sealed_only = true;
        self
    }

    /// Whether [`sealed_only`](Self::sealed_only) was called.
    pub(crate) const fn is_sealed_only(&self) -> bool {
        self.sealed_only
    }
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
        /// `secret`, `headers` or `token`.
        what: &'static str,
        /// The subscription it belongs to.
        subscription: SubscriptionId,
    },
    /// The text is encrypted, and no key is configured.
    #[error("the {what} of subscription {subscription} is encrypted, but no key is configured; set THORN_SECRET_KEY")]
    NoKey {
        /// `secret`, `headers` or `token`.
        what: &'static str,
        /// The subscription it belongs to.
        subscription: SubscriptionId,
    },
    /// The text isn't encrypted, or isn't bound to its owner and URL, and [`SecretKey::sealed_only`] refuses it.
    #[error(
        "the {what} of subscription {subscription} isn't encrypted for its owner and URL, and `sealed_only` refuses it; replace the {what}, or start once without THORN_SEALED_ONLY to have it encrypted"
    )]
    Unsealed {
        /// `secret`, `headers` or `token`.
        what: &'static str,
        /// The subscription it belongs to.
        subscription: SubscriptionId,
    },
    /// The text is encrypted with another key or is damaged, or it belongs to another subscription, owner or URL.
    #[error(
        "the {what} of subscription {subscription} can't be decrypted with the configured key; add the key that encrypted it to THORN_SECRET_KEY, or replace the {what} if another program changed the row"
    )]
    WrongKey {
        /// `secret`, `headers` or `token`.
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
        let ciphers = s.split(',').enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { ciphers, sealed_only: false })
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
    VerifyToken,
}

impl SealedColumn {
    const fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Headers => "headers",
            Self::VerifyToken => "token",
        }
    }
}

/// Where an encrypted text belongs. It can't be decrypted in another place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealedPlace<'a> {
    pub(crate) column: SealedColumn,
    pub(crate) id: SubscriptionId,
    pub(crate) owner: Option<&'a str>,
    pub(crate) url: &'a str,
}

impl SealedPlace<'_> {
    /// The associated data of the second version. Each part follows its length.
    fn binding(&self) -> Vec<u8> {
        let mut bytes = b"thorn sealed 2".to_vec();
        let owner = [&[u8::from(self.owner.is_some())], self.owner.unwrap_or_default().as_bytes()].concat();
        let id = self.id.as_uuid();
        let parts = [self.column.name().as_bytes(), id.as_bytes(), &owner, self.url.as_bytes()];
        for part in parts {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }

    /// The associated data of the first version.
    fn first_binding(&self) -> Vec<u8> {
        let id = self.id.as_uuid();
        match self.column {
            SealedColumn::Secret => id.as_bytes().to_vec(),
            SealedColumn::Headers | SealedColumn::VerifyToken => {
                [id.as_bytes(), self.column.name().as_bytes()].concat()
            }
        }
    }
}

/// Encrypts a text for storage. Without a key, the text is stored as it is.
pub(crate) fn seal(text: &str, place: SealedPlace<'_>, key: Option<&SecretKey>) -> Result<String, SecretError> {
    let Some(cipher) = key.and_then(|key| key.ciphers.first()) else {
        return Ok(text.to_owned());
    };
    let mut nonce = [0; NONCE_BYTES];
    SysRng.try_fill_bytes(&mut nonce)?;
    let payload = Payload { msg: text.as_bytes(), aad: &place.binding() };
    let failed = |_| SecretError::Seal { what: place.column.name(), subscription: place.id };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(failed)?;
    Ok(format!("{SEALED_2_PREFIX}{}", STANDARD.encode([&nonce[..], &sealed[..]].concat())))
}

/// Decrypts a text that [`seal`] or release 0.1 made. A text without the prefix was stored without a key and is
/// returned as it is.
pub(crate) fn unseal(stored: &str, place: SealedPlace<'_>, key: Option<&SecretKey>) -> Result<String, SecretError> {
    let (what, subscription) = (place.column.name(), place.id);
    let (sealed, binding) = match (stored.strip_prefix(SEALED_2_PREFIX), stored.strip_prefix(SEALED_PREFIX)) {
        (Some(sealed), _) => (sealed, place.binding()),
        _ if key.is_some_and(|key| key.sealed_only) => return Err(SecretError::Unsealed { what, subscription }),
        (None, Some(sealed)) => (sealed, place.first_binding()),
        (None, None) => return Ok(stored.to_owned()),
    };
    let key = key.ok_or(SecretError::NoKey { what, subscription })?;
    decrypt(sealed, &binding, key).ok_or(SecretError::WrongKey { what, subscription })
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

    fn place(id: SubscriptionId) -> SealedPlace<'static> {
        SealedPlace { column: SealedColumn::Secret, id, owner: Some("alice"), url: "https://a.example/" }
    }

    /// A text as release 0.1 encrypted it.
    fn sealed_by_0_1(text: &str, place: SealedPlace<'_>, key: &SecretKey) -> String {
        let payload = Payload { msg: text.as_bytes(), aad: &place.first_binding() };
        let sealed = key.ciphers[0].encrypt(&XNonce::from([7; NONCE_BYTES]), payload).unwrap();
        format!("{SEALED_PREFIX}{}", STANDARD.encode([&[7; NONCE_BYTES][..], &sealed[..]].concat()))
    }

    fn parse(bytes: &[u8]) -> SecretKey {
        key(bytes).parse().unwrap()
    }

    #[test]
    fn an_encrypted_secret_hides_the_text_and_is_decrypted_with_its_key() {
        let (id, secret, key) = (SubscriptionId::generate(), "s3cr3t", parse(&[1]));
        let sealed = seal(secret, place(id), Some(&key)).unwrap();
        assert!(sealed.starts_with("enc1:") && !sealed.contains("s3cr3t"), "{sealed}");
        assert_ne!(sealed, seal(secret, place(id), Some(&key)).unwrap(), "each encryption has its own nonce");
        assert_eq!(unseal(&sealed, place(id), Some(&key)).unwrap(), secret);
    }

    #[test]
    fn the_first_key_encrypts_and_every_key_decrypts() {
        let (id, secret) = (SubscriptionId::generate(), "s");
        let old = seal(secret, place(id), Some(&parse(&[1]))).unwrap();
        let both = parse(&[2, 1]);
        assert_eq!(unseal(&old, place(id), Some(&both)).unwrap(), secret);
        let new = seal(secret, place(id), Some(&both)).unwrap();
        assert_eq!(unseal(&new, place(id), Some(&parse(&[2]))).unwrap(), secret);
        assert!(unseal(&new, place(id), Some(&parse(&[1]))).is_err());
    }

    #[test]
    fn secrets_stored_without_a_key_stay_readable_with_one() {
        let (id, secret) = (SubscriptionId::generate(), "s");
        let plain = seal(secret, place(id), None).unwrap();
        assert_eq!(plain, "s");
        assert_eq!(unseal(&plain, place(id), Some(&parse(&[1]))).unwrap(), secret);
    }

    #[test]
    fn a_decryption_error_names_the_subscription_but_not_the_secret() {
        let (id, key) = (SubscriptionId::generate(), parse(&[1]));
        let sealed = seal("s3cr3t", place(id), Some(&key)).unwrap();
        let no_key = unseal(&sealed, place(id), None).unwrap_err();
        assert!(matches!(no_key, SecretError::NoKey { .. }), "{no_key}");
        let other = SubscriptionId::generate();
        let mut damaged = sealed.clone();
        damaged.truncate(sealed.len() - 4);
        for (stored, id, key) in
            [(&sealed, id, parse(&[2])), (&sealed, other, key.clone()), (&damaged, id, key.clone())]
        {
            let error = unseal(stored, place(id), Some(&key)).unwrap_err();
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
            let at = |column| SealedPlace { column, ..place(id) };
            let sealed = seal("text", at(part), Some(&key)).unwrap();
            assert_eq!(unseal(&sealed, at(part), Some(&key)).unwrap(), "text");
            assert!(unseal(&sealed, at(other), Some(&key)).is_err());
        }
    }

    #[test]
    fn an_encrypted_text_can_not_be_decrypted_for_another_owner_or_url() {
        let (id, key) = (SubscriptionId::generate(), parse(&[1]));
        for column in [SealedColumn::Secret, SealedColumn::Headers] {
            let own = SealedPlace { column, ..place(id) };
            let sealed = seal("text", own, Some(&key)).unwrap();
            for other in [
                SealedPlace { owner: Some("mallory"), ..own },
                SealedPlace { owner: None, ..own },
                SealedPlace { owner: Some(""), ..own },
                SealedPlace { url: "https://mallory.example/", ..own },
            ] {
                let error = unseal(&sealed, other, Some(&key)).unwrap_err();
                assert!(matches!(error, SecretError::WrongKey { .. }), "{other:?}: {error}");
            }
            assert_eq!(unseal(&sealed, own, Some(&key)).unwrap(), "text");
        }
    }

    #[test]
    fn a_text_of_release_0_1_is_read_and_release_0_1_refuses_a_new_one() {
        let (id, key) = (SubscriptionId::generate(), parse(&[1]));
        for column in [SealedColumn::Secret, SealedColumn::Headers] {
            let own = SealedPlace { column, ..place(id) };
            let old = sealed_by_0_1("text", own, &key);
            assert_eq!(unseal(&old, own, Some(&key)).unwrap(), "text");
            let new = seal("text", own, Some(&key)).unwrap();
            let seen_by_0_1 = new.strip_prefix("enc1:").unwrap();
            assert_eq!(decrypt(seen_by_0_1, &own.first_binding(), &key), None);
        }
    }

    #[test]
    fn sealed_only_refuses_clear_texts_and_texts_of_release_0_1() {
        let (id, key) = (SubscriptionId::generate(), parse(&[1]));
        let strict = key.clone().sealed_only();
        for old in ["s3cr3t".to_owned(), sealed_by_0_1("s3cr3t", place(id), &key)] {
            assert_eq!(unseal(&old, place(id), Some(&key)).unwrap(), "s3cr3t");
            let error = unseal(&old, place(id), Some(&strict)).unwrap_err();
            assert!(matches!(error, SecretError::Unsealed { .. }), "{error}");
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
        let sealed = seal("s3cr3t", place(id), Some(&strict)).unwrap();
        assert_eq!(unseal(&sealed, place(id), Some(&strict)).unwrap(), "s3cr3t");
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
