//! Strings that contain columns: `"user.{username}.created"`, `"/users/{id}"`.

use syn::LitStr;

use crate::errors::Errors;

/// Characters that an event's name may have.
const MAX_NAME_LENGTH: usize = 190;

/// A string, split into text and columns.
pub(crate) struct Template {
    pub(crate) literal: LitStr,
    pub(crate) parts: Vec<Part>,
}

/// A part of a template.
#[derive(Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Column(String),
}

impl Template {
    /// Splits a string. Returns `None` after an error.
    pub(crate) fn parse(literal: LitStr, errors: &mut Errors) -> Option<Self> {
        match parts(&literal.value()) {
            Ok(parts) => Some(Self { literal, parts }),
            Err(message) => {
                errors.at(&literal, message);
                None
            }
        }
    }

    /// Checks the template of an event's name. The values of its columns aren't known yet.
    pub(crate) fn check_name(&self, errors: &mut Errors) {
        let with = |column: &str| {
            self.parts.iter().map(|part| if let Part::Text(text) = part { text } else { column }).collect::<String>()
        };
        let text = with("");
        let message = if self.parts.is_empty() {
            "an event needs a name, such as `article.created`"
        } else if text.contains('*') {
            "`*` is only for the patterns of subscriptions; an event needs a complete name"
        } else if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            "white space and control characters are not allowed in an event's name"
        } else if with("x").split('.').any(str::is_empty) {
            "the event's name has an empty segment; check its dots"
        } else if text.chars().count() > MAX_NAME_LENGTH {
            "an event's name may have at most 190 characters"
        } else {
            return;
        };
        errors.at(&self.literal, message);
    }
}

/// Splits a string. `{column}` is a column; `{{` and `}}` are braces.
fn parts(value: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.next_if_eq(&c).is_some() => text.push(c),
            '{' => {
                let mut column = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some('{') | None => return Err("unclosed `{`; write `{{` for a brace".to_owned()),
                        Some(c) => column.push(c),
                    }
                }
                let column = column.trim();
                let column = column.strip_prefix("r#").unwrap_or(column).to_owned();
                if column.is_empty() {
                    return Err("`{}` needs the name of a column".to_owned());
                }
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Column(column));
            }
            '}' => return Err("`}` closes nothing; write `}}` for a brace".to_owned()),
            c => text.push(c),
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::{Part, parts};

    #[test]
    fn columns_and_braces_are_distinguished() {
        let text = |text: &str| Part::Text(text.to_owned());
        let column = |name: &str| Part::Column(name.to_owned());
        assert_eq!(parts("a.{b}.c").unwrap(), [text("a."), column("b"), text(".c")]);
        assert_eq!(parts("{{a}}{b}").unwrap(), [text("{a}"), column("b")]);
        for bad in ["{", "a{b", "}", "{}", "{a{b}}"] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }
}
