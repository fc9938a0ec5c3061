//! Operators that search in a column.

use sea_orm::prelude::Json;

use super::compare::EqualTo;

/// A column type that may hold a string.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` is not a string",
    label = "`starts_with` and `ends_with` are for strings"
)]
pub trait Text {
    /// The string, if the value is one.
    fn text(&self) -> Option<&str>;
}

/// A column type that may contain a part of type `N`.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` can't contain `{N}`",
    label = "`contains` looks for a substring, an element of a list or a key of a JSON object"
)]
pub trait Contains<N> {
    /// Whether the value contains the part.
    fn has(&self, part: &N) -> bool;
}

impl Text for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl Text for Json {
    fn text(&self) -> Option<&str> {
        self.as_str()
    }
}

impl<N: AsRef<str>> Contains<N> for String {
    fn has(&self, part: &N) -> bool {
        self.contains(part.as_ref())
    }
}

impl<T, N: EqualTo<T>> Contains<N> for Vec<T> {
    fn has(&self, part: &N) -> bool {
        self.iter().any(|element| part.equals(Some(element)))
    }
}

impl<N: AsRef<str>> Contains<N> for Json {
    fn has(&self, part: &N) -> bool {
        let part = part.as_ref();
        match self {
            Self::String(text) => text.contains(part),
            Self::Array(elements) => elements.iter().any(|element| element.as_str() == Some(part)),
            Self::Object(map) => map.contains_key(part),
            _ => false,
        }
    }
}
