//! The operators of a filter: those of [`Field`](crate::model::Field), chosen at run time.

use std::cmp::Ordering;

use serde_json::Value;

use super::{kind::Kind, value};

/// A comparison of one value with an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operator {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
    IsNull,
    IsNotNull,
    IsTrue,
    IsFalse,
}

/// Each operator with its canonical name and its aliases. Filters are written with the canonical name.
const NAMES: [(Operator, &str, &[&str]); 15] = [
    (Operator::Eq, "eq", &[]),
    (Operator::Ne, "ne", &[]),
    (Operator::Gt, "gt", &[]),
    (Operator::Gte, "gte", &[]),
    (Operator::Lt, "lt", &[]),
    (Operator::Lte, "lte", &[]),
    (Operator::In, "in", &["is_in"]),
    (Operator::NotIn, "not_in", &[]),
    (Operator::Contains, "contains", &[]),
    (Operator::StartsWith, "startswith", &["starts_with"]),
    (Operator::EndsWith, "endswith", &["ends_with"]),
    (Operator::IsNull, "is_null", &["is"]),
    (Operator::IsNotNull, "is_not_null", &["is_not"]),
    (Operator::IsTrue, "is_true", &["true"]),
    (Operator::IsFalse, "is_false", &["not"]),
];

impl Operator {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let has_name = |(_, canonical, aliases): &&(Self, &str, &[&str])| *canonical == name || aliases.contains(&name);
        NAMES.iter().find(has_name).map(|(operator, ..)| *operator)
    }

    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(operator, ..)| *operator == self).map_or("", |(_, canonical, _)| canonical)
    }

    /// Every canonical name, separated by commas, for error messages.
    pub(super) fn names() -> String {
        NAMES.map(|(_, canonical, _)| canonical).join(", ")
    }

    /// The only operand that this name takes: null for `is` and `is_not`, true for `is_null`, `true` and
    /// the like. `None` for operators that take any operand of the right type.
    pub(super) fn fixed_operand(self, name: &str) -> Option<Value> {
        match self {
            Self::IsNull | Self::IsNotNull if !name.ends_with("null") => Some(Value::Null),
            Self::IsNull | Self::IsNotNull | Self::IsTrue | Self::IsFalse => Some(Value::Bool(true)),
            _ => None,
        }
    }

    /// Describes the operands this operator takes, if `operand` isn't one of them.
    pub(super) fn operand_problem(self, operand: &Value) -> Option<&'static str> {
        match self {
            Self::Eq | Self::Ne => None,
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => {
                (!operand.is_number() && !operand.is_string()).then_some("a number or a string")
            }
            Self::In | Self::NotIn => {
                let is_list = operand.as_array().is_some_and(|values| !values.iter().any(Value::is_null));
                (!is_list).then_some("a list without null; use is_null to test for null")
            }
            Self::Contains => operand.is_null().then_some("a substring, a list element or an object key, but not null"),
            Self::StartsWith | Self::EndsWith => (!operand.is_string()).then_some("a string"),
            Self::IsNull | Self::IsNotNull | Self::IsTrue | Self::IsFalse => None,
        }
    }

    /// Whether the operator holds for this value; `None` is null.
    pub(super) fn holds(self, kind: Kind, value: Option<&Value>, operand: &Value) -> bool {
        let ordered = |test: fn(Ordering) -> bool| value.and_then(|value| kind.order(value, operand)).is_some_and(test);
        let strings = |test: fn(&str, &str) -> bool| match (value, operand) {
            (Some(Value::String(value)), Value::String(part)) => test(value, part),
            _ => false,
        };
        match self {
            Self::Eq => kind.equals(operand, value),
            Self::Ne => !kind.equals(operand, value),
            Self::Gt => ordered(Ordering::is_gt),
            Self::Gte => ordered(Ordering::is_ge),
            Self::Lt => ordered(Ordering::is_lt),
            Self::Lte => ordered(Ordering::is_le),
            Self::In => is_member(kind, value, operand),
            Self::NotIn => !is_member(kind, value, operand),
            Self::Contains => value.is_some_and(|value| contains(value, operand)),
            Self::StartsWith => strings(|value, part| value.starts_with(part)),
            Self::EndsWith => strings(|value, part| value.ends_with(part)),
            Self::IsNull => value.is_none(),
            Self::IsNotNull => value.is_some(),
            Self::IsTrue => value.is_some_and(|value| kind.is_truthy(value)),
            Self::IsFalse => !value.is_some_and(|value| kind.is_truthy(value)),
        }
    }
}

fn is_member(kind: Kind, value: Option<&Value>, values: &Value) -> bool {
    let any_equals = |values: &Vec<Value>| values.iter().any(|one| kind.equals(one, value));
    value.is_some() && values.as_array().is_some_and(any_equals)
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::String(value), Value::String(part)) => value.contains(part.as_str()),
        (Value::Array(elements), part) => elements.iter().any(|element| value::equals(part, Some(element))),
        (Value::Object(fields), Value::String(key)) => fields.contains_key(key),
        _ => false,
    }
}
