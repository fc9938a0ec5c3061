//! The `Hook-HMAC` of a delivery, as its subscription wants it: the one place that chooses how.

use crate::{
    signing::{Signer, compat_hmac, hook_hmac, verify_compat_hmac, verify_hook_hmac},
    subscription::Subscription,
};

/// The value of `Hook-HMAC` for a body, or `None` if the subscription is unsigned.
///
/// # Examples
///
/// ```
/// use thorn_core::{delivery::sign, subscription::Subscription};
///
/// fn header(subscription: &Subscription) -> Option<String> {
///     sign(subscription, br#"{"event":"a.b","ref":null,"sender":null,"data":{}}"#)
/// }
/// ```
#[must_use]
pub fn sign(subscription: &Subscription, body: &[u8]) -> Option<String> {
    let Subscription { secret, digest, signer, .. } = subscription;
    let secret = secret.as_ref()?;
    Some(match signer {
        Signer::Hmac => hook_hmac(*digest, secret, body),
        Signer::Compat => compat_hmac(*digest, secret, body),
    })
}

/// Whether this is what [`sign`] gives. No signature is right for who is unsigned, and for nobody
/// else: whoever strips it from a task gains nothing.
pub(crate) fn is_signed(subscription: &Subscription, body: &[u8], signature: Option<&str>) -> bool {
    let Subscription { secret, digest, signer, .. } = subscription;
    match (secret, signature) {
        (None, None) => true,
        (Some(secret), Some(signature)) => match signer {
            Signer::Hmac => verify_hook_hmac(*digest, secret, body, signature).is_ok(),
            Signer::Compat => verify_compat_hmac(*digest, secret, body, signature).is_ok(),
        },
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        headers::ExtraHeaders,
        id::SubscriptionId,
        pattern::Pattern,
        signing::{Digest, Secret},
        spec::ContentType,
        timestamp::Timestamp,
    };

    const BODY: &[u8] = br#"{"a": 1}"#;

    fn subscription(secret: Option<&str>, digest: Digest, signer: Signer) -> Subscription {
        let now = Timestamp::from_millis(0);
        Subscription {
            id: SubscriptionId::generate(),
            owner: None,
            pattern: Pattern::parse("a.*").unwrap(),
            filter: None,
            url: "https://a.example/".into(),
            secret: secret.map(Secret::new),
            digest,
            signer,
            content_type: ContentType::Json,
            headers: ExtraHeaders::default(),
            source: None,
            disabled: None,
            failing_since: None,
            created_at: now,
            updated_at: now,
            created_version: 1,
            version: 1,
            hears_version: 1,
        }
    }

    #[test]
    fn thorn_087_146_147_each_signer_and_digest_makes_its_own_and_accepts_no_other() {
        let plain = subscription(Some("sekrit"), Digest::Sha256, Signer::Hmac);
        let compat = subscription(Some("sekrit"), Digest::Sha256, Signer::Compat);
        assert_eq!(sign(&plain, BODY).as_deref(), Some("hFiFAy2NwaJYS8lZBk3HEM6735f049ESK/0RPxbivTs="));
        assert_eq!(sign(&compat, BODY).as_deref(), Some("fgJBg6zefRGPRpMncGOro87d7ZLqHlNkFFRj09IeeU8"));
        let all: Vec<_> = Digest::ALL
            .into_iter()
            .flat_map(|digest| Signer::ALL.map(|signer| subscription(Some("s"), digest, signer)))
            .collect();
        for (n, one) in all.iter().enumerate() {
            for (m, other) in all.iter().enumerate() {
                assert_eq!(is_signed(other, BODY, sign(one, BODY).as_deref()), n == m, "{one:?} {other:?}");
            }
            assert!(!is_signed(one, b"{}", sign(one, BODY).as_deref()));
        }
    }

    #[test]
    fn a_stripped_signature_fits_the_unsigned_only() {
        for signer in Signer::ALL {
            let unsigned = subscription(None, Digest::Sha256, signer);
            assert_eq!(sign(&unsigned, BODY), None);
            assert!(is_signed(&unsigned, BODY, None));
            let signed = subscription(Some("s"), Digest::Sha256, signer);
            assert!(is_signed(&signed, BODY, sign(&signed, BODY).as_deref()));
            assert!(!is_signed(&signed, BODY, None) && !is_signed(&signed, BODY, Some("")));
            assert!(!is_signed(&unsigned, BODY, sign(&signed, BODY).as_deref()));
        }
    }
}
