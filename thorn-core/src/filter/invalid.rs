//! What is wrong with a filter.

use std::fmt;

/// A filter that isn't one, with everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidQ {
    /// For a person, at least one entry: path, operator and what is allowed.
    pub problems: Vec<String>,
}

impl fmt::Display for InvalidQ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid filter: {}", self.problems.join("; "))
    }
}

impl std::error::Error for InvalidQ {}
