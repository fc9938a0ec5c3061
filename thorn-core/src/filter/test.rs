//! One test of one value.

use serde_json::Value;

use super::{operator::Operator, path::Path};

/// The longest path, in characters.
const MAX_PATH: usize = 190;

/// So deep an operand may nest: in the text that is stored it stands deeper than where it was given,
/// and a text that nests too deeply for a reader of JSON is one that nobody can match any more.
pub(super) const MAX_OPERAND_DEPTH: usize = 16;

/// A path, and what is asked about the value there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) path: Path,
    pub(super) ask: Ask,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Whether the operator holds, or with `now` whether it has come to hold.
    Whether { now: bool, operator: Operator, operand: Value },
    /// Whether the value differs from the one before.
    Changed,
}

impl Test {
    pub(super) fn holds(&self, new: &Value, old: Option<&Value>) -> bool {
        let is = self.path.of(new);
        let was = || old.and_then(|old| self.path.of(old));
        match &self.ask {
            Ask::Whether { now, operator, operand } => {
                operator.holds(is, operand) && !(*now && operator.holds(was(), operand))
            }
            Ask::Changed => is != was(),
        }
    }

    pub(super) const fn reads_old(&self) -> bool {
        matches!(self.ask, Ask::Changed | Ask::Whether { now: true, .. })
    }

    /// The name that is written.
    pub(super) fn operator(&self) -> String {
        match &self.ask {
            Ask::Whether { now: false, operator, .. } => operator.name().to_owned(),
            Ask::Whether { now: true, operator, .. } => format!("now_{}", operator.name()),
            Ask::Changed => "changed".to_owned(),
        }
    }

    /// What is wrong with it, for a person.
    pub(super) fn problem(&self) -> Option<String> {
        let path = self.path.to_string();
        if path.chars().count() > MAX_PATH {
            let start: String = path.chars().take(40).collect();
            return Some(format!("path `{}…` is longer than {MAX_PATH} characters", start.escape_debug()));
        }
        let shown = path.escape_debug();
        if !self.path.is_whole() {
            return Some(format!("`{shown}` is no path; write the names of fields with one dot between them"));
        }
        let Ask::Whether { operator, operand, .. } = &self.ask else { return None };
        if depth(operand) > MAX_OPERAND_DEPTH {
            return Some(format!("`{shown}`: the operand nests deeper than {MAX_OPERAND_DEPTH} levels"));
        }
        let allowed = operator.refuse(operand)?;
        Some(format!("`{shown}`: `{}` takes {allowed}", self.operator()))
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
