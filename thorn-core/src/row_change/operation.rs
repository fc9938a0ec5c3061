//! The kinds of changes that triggers note.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The operation that changed a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// The row was inserted.
    Create,
    /// The row was updated, possibly with the values that it had.
    Change,
    /// The row was deleted.
    Delete,
    /// All rows of the table were deleted by `TRUNCATE`. Only PostgreSQL has a trigger for it.
    Truncate,
}

impl Operation {
    /// The operations on rows.
    pub(crate) const OF_ROWS: [Self; 3] = [Self::Create, Self::Change, Self::Delete];

    /// The word in notes and events: `create`, `change`, `delete` or `truncate`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
        }
    }

    /// The operation of this word in a note.
    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Create, Self::Change, Self::Delete, Self::Truncate].into_iter().find(|it| it.as_str() == word)
    }

    /// SQL's word for the event of a trigger.
    pub(crate) const fn as_sql(self) -> &'static str {
        match self {
            Self::Create => "INSERT",
            Self::Change => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
