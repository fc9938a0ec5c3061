//! The header `Hook-HMAC`: the default algorithm, and the one of Python Thorn.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{digest::Digest, error::SignatureError, secret::Secret};

const HOOK_HMAC: &str = "hook-hmac";

/// The salt with which the Python library itsdangerous derives its key from the secret.
const COMPAT_SALT: &[u8] = b"itsdangerous.Signersigner";

/// Evaluates `$body` with `$hash` as an alias for the type of the hash function `$digest`.
macro_rules! with_hash {
    ($digest:expr, $hash:ident => $body:expr) => {
        match $digest {
            Digest::Sha1 => {
                type $hash = Sha1;
                $body
            }
            Digest::Sha224 => {
                type $hash = Sha224;
                $body
            }
            Digest::Sha256 => {
                type $hash = Sha256;
                $body
            }
            Digest::Sha384 => {
                type $hash = Sha384;
                $body
            }
            Digest::Sha512 => {
                type $hash = Sha512;
                $body
            }
        }
    };
}

/// Makes the value of the header `Hook-HMAC` for a request body.
///
/// The value is the HMAC ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)) of the exact bytes of the body,
/// in base64 with padding. The key is the text of the secret.
///
/// # Examples
///
/// ```
/// use thorn_core::signing::{Digest, Secret, hook_hmac};
///
/// let signature = hook_hmac(Digest::Sha256, &Secret::new("s3cr3t"), br#"{"a":1}"#);
/// assert_eq!(signature, "1CknQ0BJ4LjHPOiHBiI4zBxrtmRL/mbmbY3Q8wuFZ54=");
/// ```
#[must_use]
pub fn hook_hmac(digest: Digest, secret: &Secret, body: &[u8]) -> String {
    let key = secret.expose().as_bytes();
    with_hash!(digest, Hash => STANDARD.encode(hmac_of::<Hash>(key, &[body]).finalize().into_bytes()))
}

/// Makes the value of the header `X-Hub-Signature` ([WebSub](https://www.w3.org/TR/websub/#signing-content), section 7.1):
/// the name of the hash function and the HMAC of the body in hexadecimal digits, such as `sha256=d40a…`.
///
/// # Examples
///
/// ```
/// use thorn_core::signing::{Digest, Secret, hub_signature};
///
/// let signature = hub_signature(Digest::Sha1, &Secret::new("k"), b"m");
/// assert_eq!(signature, "sha1=772b71c8a2997e768be01d9711e4a4f34a24ef33");
/// ```
#[must_use]
pub fn hub_signature(digest: Digest, secret: &Secret, body: &[u8]) -> String {
    let key = secret.expose().as_bytes();
    let mac = with_hash!(digest, Hash => hmac_of::<Hash>(key, &[body]).finalize().into_bytes().to_vec());
    mac.iter().fold(format!("{digest}="), |text, byte| format!("{text}{byte:02x}"))
}

/// Verifies the value of a received header `Hook-HMAC`, in constant time.
///
/// Pass the raw bytes of the body, before parsing them.
///
/// # Errors
///
/// [`SignatureError::Secret`] if the secret is malformed, [`SignatureError::Malformed`] if the header isn't base64,
/// [`SignatureError::Mismatch`] if the signature doesn't match.
///
/// # Examples
///
/// ```
/// use thorn_core::signing::{Digest, Secret, verify_hook_hmac};
///
/// let header = "1CknQ0BJ4LjHPOiHBiI4zBxrtmRL/mbmbY3Q8wuFZ54=";
/// verify_hook_hmac(Digest::Sha256, &Secret::new("s3cr3t"), br#"{"a":1}"#, header)?;
/// # Ok::<(), thorn_core::signing::SignatureError>(())
/// ```
pub fn verify_hook_hmac(digest: Digest, secret: &Secret, body: &[u8], header: &str) -> Result<(), SignatureError> {
    secret.check().map_err(SignatureError::Secret)?;
    let tag = STANDARD.decode(header.trim()).map_err(|_| SignatureError::Malformed(HOOK_HMAC))?;
    let key = secret.expose().as_bytes();
    with_hash!(digest, Hash => verify(hmac_of::<Hash>(key, &[body]), &tag))
}

/// Makes the default signature of Python Thorn, for receivers that still verify it.
///
/// The value is the signature of Python's `itsdangerous.Signer(secret, digest_method=…)`, in URL-safe base64
/// without padding.
#[must_use]
pub fn compat_hmac(digest: Digest, secret: &Secret, body: &[u8]) -> String {
    with_hash!(digest, Hash => {
        let key = compat_key::<Hash>(secret);
        URL_SAFE_NO_PAD.encode(hmac_of::<Hash>(&key, &[body]).finalize().into_bytes())
    })
}

/// Verifies a received signature of [`compat_hmac`], in constant time.
///
/// # Errors
///
/// [`SignatureError::Secret`] if the secret is malformed, [`SignatureError::Malformed`] if the header isn't URL-safe
/// base64 without padding, [`SignatureError::Mismatch`] if the signature doesn't match.
pub fn verify_compat_hmac(digest: Digest, secret: &Secret, body: &[u8], header: &str) -> Result<(), SignatureError> {
    secret.check().map_err(SignatureError::Secret)?;
    let tag = URL_SAFE_NO_PAD.decode(header.trim()).map_err(|_| SignatureError::Malformed(HOOK_HMAC))?;
    with_hash!(digest, Hash => {
        let key = compat_key::<Hash>(secret);
        verify(hmac_of::<Hash>(&key, &[body]), &tag)
    })
}

fn compat_key<D: sha2::Digest>(secret: &Secret) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(D::new().chain_update(COMPAT_SALT).chain_update(secret.expose()).finalize().to_vec())
}

/// An HMAC with this key that has read `parts` one after the other.
#[expect(clippy::expect_used, reason = "HMAC is defined for keys of any length (RFC 2104, section 3)")]
pub(crate) fn hmac_of<D: EagerHash>(key: &[u8], parts: &[&[u8]]) -> Hmac<D>
where
    Hmac<D>: KeyInit + Mac,
{
    let mut mac = <Hmac<D> as KeyInit>::new_from_slice(key).expect("a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

/// Compares a MAC with a received one, in constant time.
pub(crate) fn verify(mac: impl Mac, tag: &[u8]) -> Result<(), SignatureError> {
    mac.verify_slice(tag).map_err(|_| SignatureError::Mismatch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: [(Digest, &str, &str, &str); 7] = [
        (Digest::Sha256, "s3cr3t", r#"{"a":1}"#, "1CknQ0BJ4LjHPOiHBiI4zBxrtmRL/mbmbY3Q8wuFZ54="),
        (Digest::Sha256, "sekrit", r#"{"a": 1}"#, "hFiFAy2NwaJYS8lZBk3HEM6735f049ESK/0RPxbivTs="),
        (Digest::Sha1, "k", "m", "dytxyKKZfnaL4B2XEeSk80ok7zM="),
        (Digest::Sha224, "k", "m", "5nGjTozqiJMkkFry6SPVZM3e8w53klyJgt8SLg=="),
        (Digest::Sha256, "k", "m", "tgCQ4wUil661oICInOL8S8qVfnVvrrTffTGADKHncew="),
        (Digest::Sha384, "k", "m", "hHuAVfhfTI2ya2Il/hzOaXg0Zv/udnqX1shlw4j80v3dTcG5as+x/VtkYa3I8HzU"),
        (
            Digest::Sha512,
            "k",
            "m",
            "lOyVhliuLS6SrnQgB5BNQ5rzpVCRVvatW9C6t0hotMu3y8gXFisR5K/1mBNBWnMOlyD8X/HRAVoffRtn+wR9hw==",
        ),
    ];

    #[test]
    fn thorn_146_hook_hmac_makes_the_known_signatures() {
        for (digest, secret, body, signature) in VECTORS {
            assert_eq!(hook_hmac(digest, &Secret::new(secret), body.as_bytes()), signature, "{digest}");
        }
    }

    #[test]
    fn thorn_147_compat_hmac_makes_the_signatures_of_itsdangerous() {
        for (secret, body, signature) in [
            ("s3cr3t", r#"{"a":1}"#, "rdRQSUTND7jIrWiTmX9km0neRGXiSv7MW9tctdZKEDs"),
            ("sekrit", r#"{"a": 1}"#, "fgJBg6zefRGPRpMncGOro87d7ZLqHlNkFFRj09IeeU8"),
        ] {
            let (secret, body) = (Secret::new(secret), body.as_bytes());
            assert_eq!(compat_hmac(Digest::Sha256, &secret, body), signature);
            assert_eq!(verify_compat_hmac(Digest::Sha256, &secret, body, signature), Ok(()));
            assert_eq!(verify_compat_hmac(Digest::Sha512, &secret, body, signature), Err(SignatureError::Mismatch));
        }
    }

    #[test]
    fn thorn_148_only_the_signed_body_with_its_secret_is_verified() {
        for (digest, secret, body, signature) in VECTORS {
            let (right, body) = (Secret::new(secret), body.as_bytes());
            assert_eq!(verify_hook_hmac(digest, &right, body, signature), Ok(()));
            assert_eq!(verify_hook_hmac(digest, &right, b"", signature), Err(SignatureError::Mismatch));
            assert_eq!(verify_hook_hmac(digest, &Secret::new("x"), body, signature), Err(SignatureError::Mismatch));
            assert_eq!(verify_hook_hmac(digest, &right, body, &signature[4..]), Err(SignatureError::Mismatch));
        }
        let secret = Secret::new("k");
        assert_eq!(verify_hook_hmac(Digest::Sha256, &secret, b"m", ""), Err(SignatureError::Mismatch));
        assert_eq!(
            verify_hook_hmac(Digest::Sha256, &secret, b"m", "not base64!"),
            Err(SignatureError::Malformed(HOOK_HMAC))
        );
    }

    #[test]
    fn a_malformed_secret_verifies_nothing() {
        for bad in ["", " ", "whsec_", "whsec_AA==", "whsec_!"] {
            let secret = Secret::new(bad);
            let signature = hook_hmac(Digest::Sha256, &secret, b"m");
            let verified = verify_hook_hmac(Digest::Sha256, &secret, b"m", &signature);
            assert!(matches!(verified, Err(SignatureError::Secret(_))), "{bad:?}");
            let signature = compat_hmac(Digest::Sha256, &secret, b"m");
            let verified = verify_compat_hmac(Digest::Sha256, &secret, b"m", &signature);
            assert!(matches!(verified, Err(SignatureError::Secret(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_secret_may_be_longer_than_a_block_of_the_hash() {
        let secret = Secret::new("x".repeat(1000));
        let signature = hook_hmac(Digest::Sha256, &secret, b"m");
        assert_eq!(verify_hook_hmac(Digest::Sha256, &secret, b"m", &signature), Ok(()));
    }
}
