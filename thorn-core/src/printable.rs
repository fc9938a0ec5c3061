//! Characters that act on a terminal instead of being shown.

use std::{borrow::Cow, fmt::Write as _};

/// Whether a character changes how a terminal or an editor shows the text around it: a control character, U+009B
/// included, or one that changes the direction of writing
/// ([UAX #9](https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings)).
pub(crate) fn acts_on_terminals(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// Escapes characters that act on a terminal, so that text from data can be printed.
///
/// Control characters and characters that change the direction of writing become `\u{…}`. All others stay.
///
/// # Examples
///
/// ```
/// use thorn_core::event::printable;
///
/// assert_eq!(printable("paid\u{202e}exe\u{9b}2J\n"), r"paid\u{202e}exe\u{9b}2J\n");
/// assert_eq!(printable("naïve – 价"), "naïve – 价");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts_on_terminals) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts_on_terminals(c) {
            // Writing to a string can't fail.
            let _ = write!(escaped, "{}", c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_acts_on_a_terminal_is_escaped_and_nothing_else() {
        for c in ['\0', '\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200f}', '\u{61c}', '\n'] {
            let text = format!("a{c}b");
            let shown = printable(&text);
            assert!(!shown.contains(acts_on_terminals) && shown.starts_with("a\\") && shown.ends_with('b'), "{shown}");
        }
        for plain in ["", "Ünïcode", "日本", "עברית", "👍🏽", "a\u{301}"] {
            assert!(matches!(printable(plain), Cow::Borrowed(_)), "{plain}");
        }
    }
}
