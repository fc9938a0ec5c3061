//! Event names and references with columns in them.

use std::{borrow::Cow, fmt::Write as _};

use sea_orm::{EntityTrait, ModelTrait};

use super::column_json::Plain;
use crate::name::escape_segment;

/// A part of `"user.{username}.created"`, which the macro has taken apart and checked.
#[derive(Clone, Copy, Debug)]
pub enum Piece<C> {
    /// Literal text.
    Text(&'static str),
    /// A column's value.
    Column(C),
}

/// The name of an event about this row. A value never leaves its segment
/// ([`escape_segment`]); null becomes `null`.
#[must_use]
pub fn name<M: ModelTrait>(row: &M, pieces: &[Piece<<M::Entity as EntityTrait>::Column>]) -> String {
    fill(row, pieces, escape_segment)
}

/// Where this row is found: values are percent-encoded, so that none leaves its part of the path.
#[must_use]
pub fn reference<M: ModelTrait>(row: &M, pieces: &[Piece<<M::Entity as EntityTrait>::Column>]) -> String {
    fill(row, pieces, |value| Cow::Owned(encode(value)))
}

fn fill<M: ModelTrait>(
    row: &M,
    pieces: &[Piece<<M::Entity as EntityTrait>::Column>],
    escape: impl Fn(&str) -> Cow<'_, str>,
) -> String {
    let mut filled = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Column(column) => filled.push_str(&escape(&Plain::from(&row.get(*column)).to_string())),
        }
    }
    filled
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a string can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn values_do_not_leave_their_part_of_a_path() {
        assert_eq!(encode("a-1_b.c~"), "a-1_b.c~");
        assert_eq!(encode("../a b?é"), "..%2Fa%20b%3F%C3%A9");
    }
}
