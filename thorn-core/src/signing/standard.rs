//! Symmetric signatures of [Standard Webhooks](https://www.standardwebhooks.com) 1.0.0.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::Mac;
use sha2::Sha256;

use super::{
    error::SignatureError,
    hmac::{hmac_of, verify},
    secret::Secret,
};
use crate::timestamp::Timestamp;

/// The prefix of a symmetric signature.
const VERSION: &str = "v1,";

/// Makes a signature for the header `webhook-signature`.
///
/// The signature is `v1,` and base64 of the HMAC-SHA256 of `{id}.{timestamp}.{body}`. `id` is the value of
/// the header `webhook-id` and must not contain a dot. `timestamp` is the time of the attempt in Unix
/// seconds, the value of the header `webhook-timestamp`.
///
/// # Examples
///
/// ```
/// use thorn_core::signing::{Secret, standard_signature};
///
/// let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
/// let body = br#"{"email":"test@example.com","username":"test_user"}"#;
/// assert_eq!(
///     standard_signature(&secret, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553, body),
///     "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
/// );
/// ```
#[must_use]
pub fn standard_signature(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let mac = signed_content(secret, id, &timestamp.to_string(), body);
    let mut signature = String::with_capacity(VERSION.len() + 44);
    signature.push_str(VERSION);
    STANDARD.encode_string(mac.finalize().into_bytes(), &mut signature);
    signature
}

/// Verifies a received delivery, in constant time.
///
/// `id`, `timestamp` and `signatures` are the values of the headers `webhook-id`, `webhook-timestamp` and
/// `webhook-signature`. `body` is the raw body, before parsing. One matching signature in the list is enough,
/// so that secrets can be rotated. A `tolerance` of five minutes is common.
///
/// # Errors
///
/// [`SignatureError::Secret`] if the secret is malformed. [`SignatureError::Malformed`] if a header has the wrong
/// format. [`SignatureError::TooOld`] or
/// [`SignatureError::TooNew`] if the timestamp differs from `now` by more than `tolerance`.
/// [`SignatureError::Mismatch`] if no signature matches.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use thorn_core::{signing::{Secret, verify_standard}, timestamp::Timestamp};
///
/// verify_standard(
///     &Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
///     "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
///     "1649367553",
///     "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
///     br#"{"email":"test@example.com","username":"test_user"}"#,
///     Timestamp::from_millis(1_649_367_560_000),
///     Duration::from_secs(300),
/// )?;
/// # Ok::<(), thorn_core::signing::SignatureError>(())
/// ```
pub fn verify_standard(
    secret: &Secret,
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), SignatureError> {
    secret.check().map_err(SignatureError::Secret)?;
    if id.is_empty() || id.contains('.') {
        return Err(SignatureError::Malformed("webhook-id"));
    }
    check_age(timestamp, now, tolerance)?;

    let mac = signed_content(secret, id, timestamp, body);
    let mut any_readable = false;
    for signature in signatures.split_ascii_whitespace() {
        // The list may contain signatures of other kinds, such as `v1a`, which this function can't verify.
        let Some(Ok(tag)) = signature.strip_prefix(VERSION).map(|text| STANDARD.decode(text)) else { continue };
        any_readable = true;
        if verify(mac.clone(), &tag).is_ok() {
            return Ok(());
        }
    }
    Err(if any_readable { SignatureError::Mismatch } else { SignatureError::Malformed("webhook-signature") })
}

fn check_age(timestamp: &str, now: Timestamp, tolerance: Duration) -> Result<(), SignatureError> {
    let malformed = SignatureError::Malformed("webhook-timestamp");
    // The signature covers the text, so only the canonical way to write the number is accepted.
    let secs: i64 = timestamp.parse().map_err(|_| malformed)?;
    if secs.to_string() != timestamp {
        return Err(malformed);
    }
    let made = Timestamp::from_millis(secs.checked_mul(1000).ok_or(malformed)?);
    if now.since(made) > tolerance {
        Err(SignatureError::TooOld)
    } else if made.since(now) > tolerance {
        Err(SignatureError::TooNew)
    } else {
        Ok(())
    }
}

fn signed_content(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> hmac::Hmac<Sha256> {
    hmac_of::<Sha256>(&secret.standard_key(), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const TIME: &str = "1649367553";
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
    const TOLERANCE: Duration = Duration::from_secs(300);

    fn secret() -> Secret {
        Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
    }

    /// Verifies these parts `age` seconds after [`TIME`].
    fn check(id: &str, time: &str, signatures: &str, body: &[u8], age: i64) -> Result<(), SignatureError> {
        let now = Timestamp::from_millis((1_649_367_553 + age) * 1000);
        verify_standard(&secret(), id, time, signatures, body, now, TOLERANCE)
    }

    #[test]
    fn thorn_143_the_example_of_the_specification_is_made_and_verified() {
        assert_eq!(standard_signature(&secret(), ID, 1_649_367_553, BODY), SIGNATURE);
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, 0), Ok(()));
    }

    #[test]
    fn one_matching_signature_in_the_list_is_enough() {
        let other = standard_signature(&Secret::new("old"), ID, 1_649_367_553, BODY);
        assert_eq!(check(ID, TIME, &format!("v1a,AAAA {other} {SIGNATURE}"), BODY, 0), Ok(()));
        assert_eq!(check(ID, TIME, &format!("v1a,AAAA {other}"), BODY, 0), Err(SignatureError::Mismatch));
    }

    #[test]
    fn id_timestamp_and_body_are_signed() {
        let mismatch = Err(SignatureError::Mismatch);
        assert_eq!(check("msg_other", TIME, SIGNATURE, BODY, 0), mismatch);
        assert_eq!(check(ID, "1649367554", SIGNATURE, BODY, 0), mismatch);
        assert_eq!(check(ID, TIME, SIGNATURE, b"{}", 0), mismatch);
    }

    #[test]
    fn a_malformed_secret_verifies_nothing() {
        for bad in ["", "whsec_", "whsec_AA==", "whsec_!"] {
            let secret = Secret::new(bad);
            let signature = standard_signature(&secret, ID, 1_649_367_553, BODY);
            let now = Timestamp::from_millis(1_649_367_553_000);
            let verified = verify_standard(&secret, ID, TIME, &signature, BODY, now, TOLERANCE);
            assert!(matches!(verified, Err(SignatureError::Secret(_))), "{bad:?}");
        }
    }

    #[test]
    fn signatures_outside_the_tolerance_are_refused() {
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, 300), Ok(()));
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, 301), Err(SignatureError::TooOld));
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, -300), Ok(()));
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, -301), Err(SignatureError::TooNew));
    }

    #[test]
    fn a_malformed_header_is_named() {
        for time in ["", "now", "1.5", "+1649367553", "01649367553", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(check(ID, time, SIGNATURE, BODY, 0), Err(SignatureError::Malformed("webhook-timestamp")));
        }
        for id in ["", "msg.1"] {
            assert_eq!(check(id, TIME, SIGNATURE, BODY, 0), Err(SignatureError::Malformed("webhook-id")));
        }
        for list in ["", "v1", "v1,!", "v2,AAAA", "tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="] {
            assert_eq!(check(ID, TIME, list, BODY, 0), Err(SignatureError::Malformed("webhook-signature")));
        }
    }
}
