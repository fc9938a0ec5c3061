//! How one recipient's deliveries are signed: the one place that chooses.

use super::{
    Digest, Secret, Signer,
    hmac::{compat_hmac, hook_hmac, hub_signature, verify_compat_hmac, verify_hook_hmac},
};

/// How deliveries to one recipient are signed. The default is unsigned.
///
/// # Examples
///
/// ```
/// use thorn_core::signing::{Secret, Signing};
///
/// let signing = Signing::with(Secret::new("s3cr3t"));
/// let signature = signing.hook_hmac(br#"{"a":1}"#);
/// assert_eq!(signature.as_deref(), Some("1CknQ0BJ4LjHPOiHBiI4zBxrtmRL/mbmbY3Q8wuFZ54="));
/// assert_eq!(Signing::default().hook_hmac(b"{}"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// The key of every signature. `None` is an unsigned recipient, whose deliveries carry no signature at
    /// all; only code that says so makes one.
    pub secret: Option<Secret>,
    /// The hash function of `Hook-HMAC`.
    pub digest: Digest,
    /// How `Hook-HMAC` is made.
    pub signer: Signer,
}

impl Signing {
    /// Signs with this secret, the default digest and the default signer.
    #[must_use]
    pub fn with(secret: Secret) -> Self {
        Self { secret: Some(secret), ..Self::default() }
    }

    /// The value of `Hook-HMAC` for a body, or `None` if the recipient is unsigned.
    #[must_use]
    pub fn hook_hmac(&self, body: &[u8]) -> Option<String> {
        let secret = self.secret.as_ref()?;
        Some(match self.signer {
            Signer::Hmac => hook_hmac(self.digest, secret, body),
            Signer::Compat => compat_hmac(self.digest, secret, body),
        })
    }

    /// The value of `X-Hub-Signature` for a body, or `None` if the recipient is unsigned.
    pub(crate) fn hub_signature(&self, body: &[u8]) -> Option<String> {
        self.secret.as_ref().map(|secret| hub_signature(self.digest, secret, body))
    }

    /// Whether a task's signature is the one that [`hook_hmac`](Self::hook_hmac) makes. Only the recipient's
    /// row can make it unsigned: a task without a signature never does.
    pub(crate) fn fits(&self, body: &[u8], signature: Option<&str>) -> bool {
        match (&self.secret, signature) {
            (None, None) => true,
            (Some(secret), Some(signature)) => match self.signer {
                Signer::Hmac => verify_hook_hmac(self.digest, secret, body, signature).is_ok(),
                Signer::Compat => verify_compat_hmac(self.digest, secret, body, signature).is_ok(),
            },
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"a": 1}"#;

    fn signing(secret: Option<&str>, digest: Digest, signer: Signer) -> Signing {
        Signing { secret: secret.map(Secret::new), digest, signer }
    }

    #[test]
    fn thorn_087_146_147_each_signer_and_digest_makes_its_own_and_accepts_no_other() {
        let plain = signing(Some("sekrit"), Digest::Sha256, Signer::Hmac);
        let compat = signing(Some("sekrit"), Digest::Sha256, Signer::Compat);
        assert_eq!(plain.hook_hmac(BODY).as_deref(), Some("hFiFAy2NwaJYS8lZBk3HEM6735f049ESK/0RPxbivTs="));
        assert_eq!(compat.hook_hmac(BODY).as_deref(), Some("fgJBg6zefRGPRpMncGOro87d7ZLqHlNkFFRj09IeeU8"));
        let all: Vec<_> = Digest::ALL
            .into_iter()
            .flat_map(|digest| Signer::ALL.map(|signer| signing(Some("s"), digest, signer)))
            .collect();
        for (n, one) in all.iter().enumerate() {
            for (m, other) in all.iter().enumerate() {
                assert_eq!(other.fits(BODY, one.hook_hmac(BODY).as_deref()), n == m, "{one:?} {other:?}");
            }
            assert!(!one.fits(b"{}", one.hook_hmac(BODY).as_deref()));
        }
    }

    #[test]
    fn a_stripped_signature_fits_the_unsigned_only() {
        for signer in Signer::ALL {
            let unsigned = signing(None, Digest::Sha256, signer);
            assert_eq!(unsigned.hook_hmac(BODY), None);
            assert!(unsigned.fits(BODY, None));
            let signed = signing(Some("s"), Digest::Sha256, signer);
            assert!(signed.fits(BODY, signed.hook_hmac(BODY).as_deref()));
            assert!(!signed.fits(BODY, None) && !signed.fits(BODY, Some("")));
            assert!(!unsigned.fits(BODY, signed.hook_hmac(BODY).as_deref()));
        }
    }
}
