//! What an event may be called.

use std::borrow::Cow;

/// The longest name an event may have, in characters.
pub const MAX_NAME_LENGTH: usize = 190;

/// An event's name breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid event name `{}`: {reason}", shown(name))]
pub struct InvalidEventName {
    /// The name as given.
    pub name: String,
    /// The rule it breaks.
    pub reason: &'static str,
}

/// Name of the event that a delivery has failed for good.
pub const DELIVERY_FAILED: &str = "delivery.failed";

/// Name of the event that a subscription was disabled by the system.
pub const SUBSCRIPTION_DISABLED: &str = "subscription.disabled";

/// Checks a complete event name.
///
/// # Errors
///
/// [`InvalidEventName`] if it is empty or too long, has an empty segment, a `*`, white space or a
/// control character.
pub fn check_event_name(name: &str) -> Result<(), InvalidEventName> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > MAX_NAME_LENGTH {
        "it is longer than 190 characters"
    } else if name.contains('*') {
        "`*` is for subscriptions' patterns"
    } else if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        "white space and control characters are not allowed"
    } else if name.split('.').any(str::is_empty) {
        "a segment between dots is empty"
    } else {
        return Ok(());
    };
    Err(InvalidEventName { name: name.to_owned(), reason })
}

/// Makes a column's value safe to stand inside one segment of an event name: what would change
/// which subscriptions match (`.`, `*`, white space, control characters) is percent-encoded.
#[must_use]
pub fn escape_segment(value: &str) -> Cow<'_, str> {
    let special = |c: char| matches!(c, '.' | '*' | '%') || c.is_whitespace() || c.is_control();
    if !value.contains(special) {
        return Cow::Borrowed(value);
    }
    let mut escaped = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        if special(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                escaped.push_str(&format!("%{byte:02X}"));
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// A name that may be anything, on one line and not too long for a log.
fn shown(name: &str) -> String {
    let mut shown = String::new();
    for c in name.chars().take(MAX_NAME_LENGTH) {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    if name.chars().nth(MAX_NAME_LENGTH).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_002_bad_names_are_refused() {
        for bad in ["", ".", "a.", ".a", "a..b", "a.*", "a b", "a\nb", &"x".repeat(191)] {
            assert!(check_event_name(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a.b", "user.é.created", &"x".repeat(190)] {
            assert!(check_event_name(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn thorn_003_substituted_values_keep_their_segment() {
        assert_eq!(escape_segment("alice"), "alice");
        assert_eq!(escape_segment("a.*% b"), "a%2E%2A%25%20b");
    }
}
