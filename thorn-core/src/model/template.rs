//! Event names and references with columns in them, such as `user.{username}.created`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sea_orm::{ColumnTrait, EntityTrait, ModelTrait};

use super::column_json::ColumnJson;
use crate::name::escape_segment;

/// Everything except RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Room for the value of a column before a longer one makes the text grow.
const EXPECTED_VALUE_LENGTH: usize = 16;

/// A part of a [`Template`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<C> {
    /// Literal text.
    Text(&'static str),
    /// The value of a column.
    Column(C),
}

/// A text with columns in it: the name of an event, or the path at which receivers find the row.
///
/// The macro has parsed and checked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template<C: 'static> {
    pieces: &'static [Piece<C>],
}

impl<C: Copy> Template<C> {
    /// A template of these pieces.
    #[must_use]
    pub const fn new(pieces: &'static [Piece<C>]) -> Self {
        Self { pieces }
    }

    /// The pieces in their order.
    #[must_use]
    pub const fn pieces(&self) -> &'static [Piece<C>] {
        self.pieces
    }

    /// The text with `*` in place of each column, such as `user.*.created`.
    #[must_use]
    pub fn pattern(&self) -> String {
        let text = |piece: &Piece<C>| match piece {
            Piece::Text(text) => *text,
            Piece::Column(_) => "*",
        };
        self.pieces.iter().map(text).collect()
    }

    /// The columns in their order.
    pub fn columns(&self) -> impl Iterator<Item = C> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Column(column) => Some(*column),
        })
    }

    /// Fills in the name of an event about this row. A value stays inside its segment, see [`escape_segment`];
    /// null becomes `null`.
    pub(super) fn name_for<M>(&self, row: &M) -> String
    where
        M: ModelTrait<Entity: EntityTrait<Column = C>>,
        C: ColumnTrait,
    {
        self.fill(row, escape_segment)
    }

    /// Fills in the path of this row. Values are percent-encoded, so that each stays inside its part of the
    /// path.
    pub(super) fn path_for<M>(&self, row: &M) -> String
    where
        M: ModelTrait<Entity: EntityTrait<Column = C>>,
        C: ColumnTrait,
    {
        self.fill(row, encode)
    }

    fn fill<M>(&self, row: &M, escape: impl Fn(&str) -> Cow<'_, str>) -> String
    where
        M: ModelTrait<Entity: EntityTrait<Column = C>>,
        C: ColumnTrait,
    {
        if let [Piece::Text(text)] = self.pieces {
            return (*text).to_owned();
        }
        let length = |piece: &Piece<C>| match piece {
            Piece::Text(text) => text.len(),
            Piece::Column(_) => EXPECTED_VALUE_LENGTH,
        };
        let mut filled = String::with_capacity(self.pieces.iter().map(length).sum());
        for piece in self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Column(column) => {
                    filled.push_str(&escape(&ColumnJson::of(*column, &row.get(*column)).into_text()));
                }
            }
        }
        filled
    }
}

/// Escapes a value for a segment of a path.
pub(crate) fn encode(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, RESERVED).into()
}

#[cfg(test)]
mod tests {
    use super::{Piece, Template, encode};

    #[test]
    fn a_value_stays_within_its_segment_of_the_path() {
        assert_eq!(encode("a-1_b.c~"), "a-1_b.c~");
        assert_eq!(encode("../a b?é"), "..%2Fa%20b%3F%C3%A9");
    }

    #[test]
    fn a_pattern_has_a_star_for_each_column() {
        let template = Template::new(&[Piece::Text("user."), Piece::Column('n'), Piece::Text(".created")]);
        assert_eq!(template.pattern(), "user.*.created");
        assert_eq!(template.columns().collect::<Vec<_>>(), ['n']);
        assert_eq!(Template::<char>::new(&[Piece::Text("user.created")]).pattern(), "user.created");
    }
}
