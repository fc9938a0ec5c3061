//! Names of events, and the rules they must follow.

use std::borrow::Cow;

/// The maximum length of an event name, in characters.
pub const MAX_NAME_LENGTH: usize = 190;

/// An event name breaks a rule of [`check_event_name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid event name `{}`: {reason}", printable(name))]
pub struct InvalidEventName {
    /// The rejected name.
    pub name: String,
    /// The rule it breaks.
    pub reason: &'static str,
}

/// The name of the event that thorn sends when a delivery is dead, after its last failed attempt.
pub const DELIVERY_FAILED: &str = "delivery.failed";

/// The name of the event that thorn sends when it disables a subscription.
pub const SUBSCRIPTION_DISABLED: &str = "subscription.disabled";

/// Checks an event name, whose segments are separated by dots.
///
/// # Errors
///
/// [`InvalidEventName`] if the name is empty, is longer than [`MAX_NAME_LENGTH`] or has an empty segment.
/// White space, control characters and `*` are not allowed either.
pub fn check_event_name(name: &str) -> Result<(), InvalidEventName> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > MAX_NAME_LENGTH {
        "it is longer than 190 characters"
    } else if name.contains('*') {
        "`*` is for subscription patterns only"
    } else if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        "white space and control characters are not allowed"
    } else if name.split('.').any(str::is_empty) {
        "a segment between dots is empty"
    } else {
        return Ok(());
    };
    Err(InvalidEventName { name: name.to_owned(), reason })
}

/// Escapes a value for use inside one segment of an event name.
///
/// The characters that would change which subscriptions match are percent-encoded: `.`, `*`, white space and
/// control characters, and `%` itself.
///
/// # Examples
///
/// ```
/// assert_eq!(thorn_core::event::escape_segment("a.b c"), "a%2Eb%20c");
/// ```
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

/// Escapes control characters and cuts the text, so that an arbitrary name can't break a log.
fn printable(name: &str) -> String {
    let mut printable = String::new();
    for c in name.chars().take(MAX_NAME_LENGTH) {
        if c.is_control() { printable.extend(c.escape_default()) } else { printable.push(c) }
    }
    if name.chars().nth(MAX_NAME_LENGTH).is_some() {
        printable.push('…');
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_002_names_that_break_a_rule_are_refused() {
        for bad in ["", ".", "a.", ".a", "a..b", "a.*", "a b", "a\nb", &"x".repeat(191)] {
            assert!(check_event_name(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a.b", "user.é.created", &"x".repeat(190)] {
            assert!(check_event_name(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn thorn_003_an_escaped_value_stays_within_its_segment() {
        assert_eq!(escape_segment("alice"), "alice");
        assert_eq!(escape_segment("a.*% b"), "a%2E%2A%25%20b");
    }
}
