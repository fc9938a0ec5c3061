//! [Standard Webhooks](https://www.standardwebhooks.com) 1.0.0, symmetric signatures.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::Mac;
use sha2::Sha256;

use super::{
    error::SignatureError,
    hmac::{keyed, verify},
    secret::Secret,
};
use crate::timestamp::Timestamp;

/// How a symmetric signature of version 1 begins.
const VERSION: &str = "v1,";

/// One signature for the header `webhook-signature`: `v1,` and base64 of the HMAC-SHA256 over
/// `{id}.{timestamp}.{body}`. The id is the header `webhook-id` and must not contain a dot; the
/// timestamp is the attempt's, in Unix seconds, as in the header `webhook-timestamp`.
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
    let mac = content(secret, id, &timestamp.to_string(), body);
    let mut signature = String::with_capacity(VERSION.len() + 44);
    signature.push_str(VERSION);
    STANDARD.encode_string(mac.finalize().into_bytes(), &mut signature);
    signature
}

/// Checks a received delivery: `id`, `timestamp` and `signatures` are the headers' values, `body` the
/// raw bytes. One fitting signature of the list is enough, so that a secret can be rotated. The
/// comparison takes constant time. The specification suggests a tolerance of five minutes.
///
/// # Errors
///
/// [`SignatureError`], saying whether the headers, the clock or the signature is wrong.
pub fn verify_standard(
    secret: &Secret,
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), SignatureError> {
    if id.is_empty() || id.contains('.') {
        return Err(SignatureError::Malformed("webhook-id"));
    }
    check_age(timestamp, now, tolerance)?;

    let mac = content(secret, id, timestamp, body);
    let mut readable = false;
    for signature in signatures.split_ascii_whitespace() {
        // Signatures of other kinds may stand in the list; they are somebody else's to verify.
        let Some(Ok(tag)) = signature.strip_prefix(VERSION).map(|text| STANDARD.decode(text)) else { continue };
        readable = true;
        if verify(mac.clone(), &tag).is_ok() {
            return Ok(());
        }
    }
    Err(if readable { SignatureError::Mismatch } else { SignatureError::Malformed("webhook-signature") })
}

fn check_age(timestamp: &str, now: Timestamp, tolerance: Duration) -> Result<(), SignatureError> {
    let malformed = SignatureError::Malformed("webhook-timestamp");
    // The text is signed as it stands, so only the one canonical way to write it is accepted.
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

fn content(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> hmac::Hmac<Sha256> {
    keyed::<Sha256>(&secret.standard_key(), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])
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

    /// Verifies the specification's vector with one part replaced, so many seconds after it was made.
    fn check(id: &str, time: &str, signatures: &str, body: &[u8], late: i64) -> Result<(), SignatureError> {
        let now = Timestamp::from_millis((1_649_367_553 + late) * 1000);
        verify_standard(&secret(), id, time, signatures, body, now, TOLERANCE)
    }

    #[test]
    fn thorn_143_the_specification_s_vector_is_made_and_verified() {
        assert_eq!(standard_signature(&secret(), ID, 1_649_367_553, BODY), SIGNATURE);
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, 0), Ok(()));
    }

    #[test]
    fn any_signature_of_the_list_is_enough() {
        let other = standard_signature(&Secret::new("old"), ID, 1_649_367_553, BODY);
        assert_eq!(check(ID, TIME, &format!("v1a,AAAA {other} {SIGNATURE}"), BODY, 0), Ok(()));
        assert_eq!(check(ID, TIME, &format!("v1a,AAAA {other}"), BODY, 0), Err(SignatureError::Mismatch));
    }

    #[test]
    fn every_part_is_signed() {
        let mismatch = Err(SignatureError::Mismatch);
        assert_eq!(check("msg_other", TIME, SIGNATURE, BODY, 0), mismatch);
        assert_eq!(check(ID, "1649367554", SIGNATURE, BODY, 0), mismatch);
        assert_eq!(check(ID, TIME, SIGNATURE, b"{}", 0), mismatch);
    }

    #[test]
    fn a_replay_and_a_wrong_clock_are_noticed() {
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, 300), Ok(()));
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, 301), Err(SignatureError::TooOld));
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, -300), Ok(()));
        assert_eq!(check(ID, TIME, SIGNATURE, BODY, -301), Err(SignatureError::TooNew));
    }

    #[test]
    fn malformed_headers_are_named() {
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
