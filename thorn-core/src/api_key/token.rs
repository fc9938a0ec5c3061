//! The token: the text that a caller sends.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRng as _, rngs::SysRng};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The beginning of every token. It lets scanners for leaked secrets recognize one.
const PREFIX: &str = "thk_";

/// Random bytes in a token: 256 bits.
const BYTES: usize = 32;

/// Characters of base64url for [`BYTES`], without padding.
const CHARACTERS: usize = (BYTES * 4).div_ceil(3);

/// The token of an API key: `thk_` and 256 random bits in base64url.
///
/// Thorn shows it once, when the key is made, and stores only its SHA-256. A hash without salt is enough for a random
/// text of this length. `Debug` doesn't show the token.
#[derive(Clone)]
pub struct ApiToken(Zeroizing<String>);

impl ApiToken {
    /// Generates a token.
    pub(super) fn generate() -> Result<Self, rand::rngs::SysError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        SysRng.try_fill_bytes(&mut *bytes)?;
        // A buffer that grew would leave copies of its content behind.
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + CHARACTERS));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        Ok(Self(text))
    }

    /// The text. A caller sends it as `Authorization: Bearer …`.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

/// The hash under which the token is stored, as hexadecimal digits. `None` for a text that can't be a token.
///
/// The lookup compares hashes. So its time tells nothing about a token that is stored.
pub(super) fn hash(token: &str) -> Option<String> {
    let random = token.strip_prefix(PREFIX).filter(|random| random.len() == CHARACTERS)?;
    URL_SAFE_NO_PAD.decode(random).ok()?;
    Some(Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_random_bits_and_isnt_shown() {
        let (one, other) = (ApiToken::generate().unwrap(), ApiToken::generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 47);
        assert_eq!(format!("{one:?}"), "ApiToken(…)");
    }

    #[test]
    fn only_a_token_has_a_hash() {
        let token = ApiToken::generate().unwrap();
        let stored = hash(token.expose()).unwrap();
        assert_eq!((stored.len(), hash(token.expose())), (64, Some(stored)));
        let (short, long) = (token.expose().split_at(46).0, format!("{}A", token.expose()));
        for bad in
            ["", "thk_", short, &long, &token.expose().replace("thk_", "THK_"), &format!("thk_{}", "é".repeat(21))]
        {
            assert_eq!(hash(bad), None, "{bad:?}");
        }
    }
}
