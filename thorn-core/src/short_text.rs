//! The rule for short texts that may have any content: ids of owners and senders, names of configurations.

/// The maximum length, in characters.
const MAX_LENGTH: usize = 190;

/// A text breaks a rule of [`check_short_text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidShortText {
    #[error("it has {length} characters, at most {MAX_LENGTH} are allowed")]
    TooLong { length: usize },
    #[error("it has a NUL character; remove it")]
    Nul,
}

/// Checks a text before it goes to the database.
///
/// PostgreSQL stores no NUL, and SQLite no limit of length. With one rule, a text is valid on every database or on none.
pub(crate) fn check_short_text(text: &str) -> Result<(), InvalidShortText> {
    // Most texts are short enough in bytes, so counting their characters isn't needed.
    if text.len() > MAX_LENGTH {
        let length = text.chars().count();
        if length > MAX_LENGTH {
            return Err(InvalidShortText::TooLong { length });
        }
    }
    if text.contains('\0') { Err(InvalidShortText::Nul) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_has_at_most_190_characters_and_no_nul() {
        assert_eq!(check_short_text(&"é".repeat(190)), Ok(()));
        assert_eq!(check_short_text(&"é".repeat(191)), Err(InvalidShortText::TooLong { length: 191 }));
        assert_eq!(check_short_text("a\0b"), Err(InvalidShortText::Nul));
        assert_eq!(check_short_text(""), Ok(()));
    }
}
