//! Paths to the value that a test reads.

use std::fmt;

use serde_json::Value;

/// Keys that a reader takes for a connective, not for a path.
const CONNECTIVES: [&str; 3] = ["and", "or", "not"];

/// Stands before a path that would otherwise be read as something else, such as `$.and`.
const ROOT: &str = "$.";

/// Names of fields from the outermost to the innermost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(Vec<String>);

impl Path {
    /// Reads `author.name` or `$.author.name`.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.strip_prefix(ROOT).unwrap_or(text).split('.').map(str::to_owned).collect())
    }

    pub(super) fn has_empty_name(&self) -> bool {
        self.0.iter().any(String::is_empty)
    }

    /// The value at this path, or `None` if a field on the way is null, missing or not an object.
    pub(super) fn lookup<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        let found = self.0.iter().try_fold(value, |value, name| value.as_object()?.get(name));
        found.and_then(super::value::non_null)
    }

    /// The name, if the path doesn't lead into an object.
    pub(super) fn only_name(&self) -> Option<&str> {
        match &*self.0 {
            [name] => Some(name),
            _ => None,
        }
    }

    pub(super) fn outermost_name(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.join(".");
        let needs_root = CONNECTIVES.contains(&text.as_str()) || text.starts_with(ROOT);
        f.write_str(if needs_root { ROOT } else { "" })?;
        f.write_str(&text)
    }
}
