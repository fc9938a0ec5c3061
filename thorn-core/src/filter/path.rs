//! Where a test finds its value.

use std::fmt;

use serde_json::Value;

use super::json::CONNECTIVES;

/// The root, for fields that would be read as something else: `$.and`.
const ROOT: &str = "$.";

/// Names of fields from the outside in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(Vec<String>);

impl Path {
    /// Reads `author.name`, or `$.author.name`.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.strip_prefix(ROOT).unwrap_or(text).split('.').map(str::to_owned).collect())
    }

    /// Whether no name is empty.
    pub(super) fn is_whole(&self) -> bool {
        self.0.iter().all(|name| !name.is_empty())
    }

    /// The value there; `None` if it is null, or missing at any step.
    pub(super) fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        let found = self.0.iter().try_fold(value, |value, name| value.as_object()?.get(name));
        found.and_then(super::value::some)
    }

    /// The outermost name.
    pub(super) fn first(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.join(".");
        let is_mistakable = CONNECTIVES.contains(&text.as_str()) || text.starts_with(ROOT);
        f.write_str(if is_mistakable { ROOT } else { "" })?;
        f.write_str(&text)
    }
}
