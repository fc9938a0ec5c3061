//! Cursors: places in the log that notice when they come back to another log.

use std::{fmt, str::FromStr};

use crate::id::EventId;

/// A place in the log: everything up to it has been read.
///
/// Its text is opaque to clients: the position, a hyphen, and eight hexadecimal digits of the event's id. The digits
/// are compared with the event when the cursor comes back, so a restored backup or another database is noticed.
///
/// # Examples
///
/// ```
/// use thorn_core::log::Cursor;
///
/// let cursor: Cursor = "1042-9f3a00c7".parse()?;
/// assert_eq!(cursor.to_string(), "1042-9f3a00c7");
/// assert!("1042".parse::<Cursor>().is_err());
/// # Ok::<(), thorn_core::log::ParseCursorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub(crate) position: i64,
    pub(crate) check: Check,
}

/// The check digits of a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Check(u32);

/// The text isn't a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor; use one that a stream has shown")]
pub struct ParseCursorError;

/// The number of check digits.
const DIGITS: usize = 8;

impl Cursor {
    /// The place of an event.
    pub(crate) fn of(position: i64, event: EventId) -> Self {
        Self { position, check: Check::of(event) }
    }
}

impl Check {
    /// The check digits of an event: the end of its id, which is random.
    pub(crate) fn of(event: EventId) -> Self {
        let id = event.as_uuid();
        let [.., a, b, c, d] = *id.as_bytes();
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    /// Check digits for a position without an event.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for Check {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let is_lowercase = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != DIGITS || !is_lowercase {
            return Err(ParseCursorError);
        }
        u32::from_str_radix(text, 16).map(Self).map_err(|_| ParseCursorError)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.position, self.check)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let (digits, check) = text.split_once('-').ok_or(ParseCursorError)?;
        // One place has one text: no sign and no leading zero.
        let is_plain = digits == "0" || !digits.starts_with(['0', '+']);
        let position = digits.parse().ok().filter(|_| is_plain).ok_or(ParseCursorError)?;
        Ok(Self { position, check: check.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn or5_a_cursor_is_a_position_and_eight_digits_of_the_event_s_id() {
        let event: EventId = "018f3c2a-0000-7000-8000-00009f3a00c7".parse().unwrap();
        let cursor = Cursor::of(1042, event);
        assert_eq!(cursor.to_string(), "1042-9f3a00c7");
        assert_eq!("1042-9f3a00c7".parse(), Ok(cursor));
        let largest = Cursor { position: i64::MAX, check: Check(0) };
        assert_eq!(largest.to_string().parse(), Ok(largest));
        let first = Cursor { position: 0, check: Check(u32::MAX) };
        assert_eq!(first.to_string().parse(), Ok(first));
    }

    #[test]
    fn or5_no_other_text_is_a_cursor() {
        for text in [
            "",
            "-",
            "7",
            "7-",
            "7-9f3a00c",
            "7-9f3a00c77",
            "7-9F3A00C7",
            "7-+f3a00c7",
            "+7-9f3a00c7",
            "07-9f3a00c7",
            "-7-9f3a00c7",
            " 7-9f3a00c7",
            "7-9f3a00c7 ",
            "9223372036854775808-9f3a00c7",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(ParseCursorError), "{text:?}");
        }
    }
}
