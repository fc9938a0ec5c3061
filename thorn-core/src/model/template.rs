//! Templates for event names and references, which contain values of columns.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sea_orm::{EntityTrait, ModelTrait};

use super::column_json::ColumnJson;
use crate::name::escape_segment;

/// A part of a template such as `"user.{username}.created"`. The macro parses and checks templates.
#[derive(Clone, Copy, Debug)]
pub enum Piece<C> {
    /// Literal text.
    Text(&'static str),
    /// The value of a column.
    Column(C),
}

/// The name of an event about this row.
///
/// Values are escaped with [`escape_segment`], so none adds a segment. A null becomes `null`.
#[must_use]
pub fn name<M: ModelTrait>(row: &M, pieces: &[Piece<<M::Entity as EntityTrait>::Column>]) -> String {
    fill(row, pieces, escape_segment)
}

/// The path or URL of this row. Values are percent-encoded, so none adds a segment to the path.
#[must_use]
pub fn reference<M: ModelTrait>(row: &M, pieces: &[Piece<<M::Entity as EntityTrait>::Column>]) -> String {
    fill(row, pieces, percent_encode)
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
            Piece::Column(column) => filled.push_str(&escape(&ColumnJson::from(&row.get(*column)).into_text())),
        }
    }
    filled
}

/// Everything except the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn percent_encode(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, RESERVED).into()
}

#[cfg(test)]
mod tests {
    use super::percent_encode;

    #[test]
    fn a_value_stays_within_its_segment_of_the_path() {
        assert_eq!(percent_encode("a-1_b.c~"), "a-1_b.c~");
        assert_eq!(percent_encode("../a b?é"), "..%2Fa%20b%3F%C3%A9");
    }
}
