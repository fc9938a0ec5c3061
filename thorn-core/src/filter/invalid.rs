//! The error for a filter that breaks the rules.

use std::fmt;

/// A filter breaks one or more rules; `problems` lists them, up to a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidQ {
    /// One message per problem, for a person to read. Each names the path, the operator and what is
    /// allowed. The list is never empty.
    pub problems: Vec<String>,
}

impl fmt::Display for InvalidQ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid filter: {}", self.problems.join("; "))
    }
}

impl std::error::Error for InvalidQ {}
