//! Ids in paths.

use std::str::FromStr;

/// Accepts hex digits in either case, with or without dashes. The UUID parser would also accept `{…}` and
/// `urn:uuid:…`.
pub(crate) fn parse_id<T: FromStr>(text: &str) -> Option<T> {
    if !text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return None;
    }
    text.parse().ok()
}
