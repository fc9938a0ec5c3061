//! One test of one value.

use serde_json::Value;

use super::{kind::Kind, operator::Operator, path::Path};

/// The longest path, in characters.
const MAX_PATH: usize = 190;

/// How deep an operand may nest.
///
/// The canonical text of a filter nests an operand deeper than the JSON it was read from. JSON readers
/// refuse deep nesting, so without this limit a stored filter could become unreadable.
pub(super) const MAX_OPERAND_DEPTH: usize = 16;

/// A path and the condition on the value there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) path: Path,
    pub(super) condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The operator holds. With `transition`, it must also not have held for the previous version.
    Operator { transition: bool, operator: Operator, operand: Value },
    /// The value differs from the previous version's.
    Changed,
}

impl Test {
    pub(super) fn holds(&self, new: &Value, old: Option<&Value>, kind: &dyn Fn(&str) -> Kind) -> bool {
        let current = self.path.lookup(new);
        let previous = || old.and_then(|old| self.path.lookup(old));
        match &self.condition {
            Condition::Operator { transition, operator, operand } => {
                let kind = self.path.only_name().map_or(Kind::Untyped, kind);
                operator.holds(kind, current, operand) && !(*transition && operator.holds(kind, previous(), operand))
            }
            Condition::Changed => current != previous(),
        }
    }

    pub(super) const fn reads_old(&self) -> bool {
        matches!(self.condition, Condition::Changed | Condition::Operator { transition: true, .. })
    }

    /// The operator's canonical name, with `now_` before it for a transition.
    pub(super) fn operator_name(&self) -> String {
        match &self.condition {
            Condition::Operator { transition: false, operator, .. } => operator.name().to_owned(),
            Condition::Operator { transition: true, operator, .. } => format!("now_{}", operator.name()),
            Condition::Changed => "changed".to_owned(),
        }
    }

    /// The first rule that this test breaks, as a message for a person.
    pub(super) fn problem(&self) -> Option<String> {
        let path = self.path.to_string();
        if path.chars().count() > MAX_PATH {
            let start: String = path.chars().take(40).collect();
            return Some(format!("path `{}…` is longer than {MAX_PATH} characters", start.escape_debug()));
        }
        let path = path.escape_debug();
        if self.path.has_empty_name() {
            return Some(format!("`{path}` is not a path; write field names separated by single dots"));
        }
        let Condition::Operator { operator, operand, .. } = &self.condition else { return None };
        if depth(operand) > MAX_OPERAND_DEPTH {
            return Some(format!("`{path}`: the operand nests deeper than {MAX_OPERAND_DEPTH} levels"));
        }
        let expected = operator.operand_problem(operand)?;
        Some(format!("`{path}`: `{}` takes {expected}", self.operator_name()))
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
