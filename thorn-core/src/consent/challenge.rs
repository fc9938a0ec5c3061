//! Challenges: random texts that only somebody who was asked can send back.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRng as _, rngs::SysRng};
use subtle::ConstantTimeEq as _;

/// Random bytes of a challenge, which are written in base64.
const BYTES: usize = 32;

/// The most bytes of an answer that are read. A challenge is shorter.
pub(crate) const MOST_ANSWER_BYTES: usize = 4_096;

/// A new challenge. The error says why the operating system gives no random bytes.
pub(crate) fn challenge() -> Result<String, String> {
    let mut bytes = [0; BYTES];
    match SysRng.try_fill_bytes(&mut bytes) {
        Ok(()) => Ok(URL_SAFE_NO_PAD.encode(bytes)),
        Err(error) => Err(format!("the operating system provides no random bytes: {error}")),
    }
}

/// Whether the body of an answer is exactly the challenge.
pub(crate) fn is_sent_back(challenge: &str, body: &[u8]) -> bool {
    body.ct_eq(challenge.as_bytes()).into()
}
