//! Names of events, and the rules they must follow.

use std::borrow::Cow;

use crate::printable::{acts_on_terminals, printable};

/// The maximum length of an event name, in characters.
pub const MAX_NAME_LENGTH: usize = 190;

/// An event name breaks a rule of [`check_event_name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid event name `{}`: {reason}", excerpt(name))]
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

/// The name of the event that thorn sends when deliveries of a subscription have failed for 15 minutes.
pub const SUBSCRIPTION_FAILING: &str = "subscription.failing";

/// The name of the event that thorn sends when half the time until a failing subscription is disabled has passed, and
/// once more when nine tenths have.
pub const SUBSCRIPTION_EXPIRING: &str = "subscription.expiring";

/// The name of the event that thorn sends when a delivery succeeds after one of these warnings.
pub const SUBSCRIPTION_RECOVERED: &str = "subscription.recovered";

/// The name in the request that asks an owner's endpoint whether it wants deliveries, with a challenge to send back
/// ([`confirm`](crate::ThornBuilder::confirm)).
pub const SUBSCRIPTION_CHALLENGE: &str = "subscription.challenge";

/// The name of the event that tells operators of changes that no event announced. [`watch`](crate::watch) finds
/// them.
pub const UNANNOUNCED: &str = "thorn.unannounced";

/// The name of the event that thorn sends for a dispatch of the stand-alone server to URLs that its caller names.
pub const DISPATCH_REQUEST: &str = "dispatch.request";

/// The name of the event that tells the errback of a dispatch that a delivery has failed for good.
pub const DISPATCH_FAILED: &str = "dispatch.failed";

/// The name of the event that distributes a new version of a topic of the hub.
pub const TOPIC_UPDATED: &str = "topic.updated";
/// The name of the event with the response to a delivery of a dispatch, for its callback.
pub const DISPATCH_RESPONSE: &str = "dispatch.response";

/// All events of thorn's own.
pub(crate) const INTERNAL: [&str; 11] = [
    DELIVERY_FAILED,
    SUBSCRIPTION_DISABLED,
    SUBSCRIPTION_FAILING,
    SUBSCRIPTION_EXPIRING,
    SUBSCRIPTION_RECOVERED,
    SUBSCRIPTION_CHALLENGE,
    UNANNOUNCED,
    DISPATCH_REQUEST,
    DISPATCH_FAILED,
    TOPIC_UPDATED,
    DISPATCH_RESPONSE,
];

/// Whether thorn itself sends events of this name. An event of somebody else with it could be taken for thorn's.
#[must_use]
pub fn is_own_event(name: &str) -> bool {
    INTERNAL.contains(&name)
}

/// Checks an event name, whose segments are separated by dots.
///
/// # Errors
///
/// [`InvalidEventName`] if the name is empty, is longer than [`MAX_NAME_LENGTH`] or has an empty segment.
/// White space, control characters, characters that change the direction of writing, and `*` are not allowed either.
pub fn check_event_name(name: &str) -> Result<(), InvalidEventName> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > MAX_NAME_LENGTH {
        "it is longer than 190 characters"
    } else if name.contains('*') {
        "`*` is for subscription patterns only"
    } else if name.chars().any(|c| acts_on_terminals(c) || c.is_whitespace()) {
        "white space, control characters and characters that change the direction of writing are not allowed"
    } else if name.split('.').any(str::is_empty) {
        "a segment between dots is empty"
    } else {
        return Ok(());
    };
    Err(InvalidEventName { name: name.to_owned(), reason })
}

/// Escapes a value for use inside one segment of an event name.
///
/// The characters that would change which subscriptions match or that a name can't have are percent-encoded: `.`, `*`,
/// white space, control characters, characters that change the direction of writing, and `%` itself.
///
/// # Examples
///
/// ```
/// assert_eq!(thorn_core::event::escape_segment("a.b c"), "a%2Eb%20c");
/// ```
#[must_use]
pub fn escape_segment(value: &str) -> Cow<'_, str> {
    let special = |c: char| matches!(c, '.' | '*' | '%') || c.is_whitespace() || acts_on_terminals(c);
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

/// Escapes the name and cuts it, so that an arbitrary name can't break a log.
fn excerpt(name: &str) -> String {
    let start: String = name.chars().take(MAX_NAME_LENGTH).collect();
    let end = if start.len() < name.len() { "…" } else { "" };
    format!("{}{end}", printable(&start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_002_names_that_break_a_rule_are_refused() {
        for bad in ["", ".", "a.", ".a", "a..b", "a.*", "a b", "a\nb", "a\u{9b}b", "a\u{202e}b", &"x".repeat(191)] {
            let error = check_event_name(bad).unwrap_err().to_string();
            assert!(!error.contains(acts_on_terminals), "{error:?}");
        }
        for good in ["a", "a.b", "user.é.created", &"x".repeat(190)] {
            assert!(check_event_name(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn thorn_003_an_escaped_value_stays_within_its_segment() {
        assert_eq!(escape_segment("alice"), "alice");
        assert_eq!(escape_segment("a.*% b"), "a%2E%2A%25%20b");
        assert_eq!(escape_segment("a\u{202e}b"), "a%E2%80%AEb");
    }
}
