//! The operators of [`Field`](crate::model::Field) at run time.

use std::cmp::Ordering;

use serde_json::Value;

use super::value as json;

/// What is asked about one value.
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

/// Names by operator: the one that is written, then others that are read.
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
        let is_called = |(_, written, read): &&(Self, &str, &[&str])| *written == name || read.contains(&name);
        NAMES.iter().find(is_called).map(|(operator, ..)| *operator)
    }

    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(operator, ..)| *operator == self).map_or("", |(_, written, _)| written)
    }

    /// The names that are written, for a person.
    pub(super) fn names() -> String {
        NAMES.map(|(_, written, _)| written).join(", ")
    }

    /// What a name stands for that needs no operand of its own: `is` goes with null, `true` with true.
    pub(super) fn nothing(self, name: &str) -> Option<Value> {
        match self {
            Self::IsNull | Self::IsNotNull if !name.ends_with("null") => Some(Value::Null),
            Self::IsNull | Self::IsNotNull | Self::IsTrue | Self::IsFalse => Some(Value::Bool(true)),
            _ => None,
        }
    }

    /// Says what is allowed if this operand isn't.
    pub(super) fn refuse(self, operand: &Value) -> Option<&'static str> {
        match self {
            Self::Eq | Self::Ne => None,
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => {
                (!operand.is_number() && !operand.is_string()).then_some("a number or a string")
            }
            Self::In | Self::NotIn => {
                let is_list = operand.as_array().is_some_and(|values| !values.iter().any(Value::is_null));
                (!is_list).then_some("a list without null, which is a member of nothing; ask for that with is_null")
            }
            Self::Contains => operand.is_null().then_some("a substring, an element or a key, but not null"),
            Self::StartsWith | Self::EndsWith => (!operand.is_string()).then_some("a string"),
            Self::IsNull | Self::IsNotNull | Self::IsTrue | Self::IsFalse => None,
        }
    }

    /// Whether it holds for a value that may be null.
    pub(super) fn holds(self, value: Option<&Value>, operand: &Value) -> bool {
        let ordered =
            |test: fn(Ordering) -> bool| value.and_then(|value| json::order(value, operand)).is_some_and(test);
        let texts = |test: fn(&str, &str) -> bool| match (value, operand) {
            (Some(Value::String(value)), Value::String(part)) => test(value, part),
            _ => false,
        };
        match self {
            Self::Eq => json::equals(operand, value),
            Self::Ne => !json::equals(operand, value),
            Self::Gt => ordered(Ordering::is_gt),
            Self::Gte => ordered(Ordering::is_ge),
            Self::Lt => ordered(Ordering::is_lt),
            Self::Lte => ordered(Ordering::is_le),
            Self::In => is_member(value, operand),
            Self::NotIn => !is_member(value, operand),
            Self::Contains => value.is_some_and(|value| has(value, operand)),
            Self::StartsWith => texts(|value, part| value.starts_with(part)),
            Self::EndsWith => texts(|value, part| value.ends_with(part)),
            Self::IsNull => value.is_none(),
            Self::IsNotNull => value.is_some(),
            Self::IsTrue => value.is_some_and(json::is_truthy),
            Self::IsFalse => !value.is_some_and(json::is_truthy),
        }
    }
}

fn is_member(value: Option<&Value>, values: &Value) -> bool {
    let equals_one = |values: &Vec<Value>| values.iter().any(|one| json::equals(one, value));
    value.is_some() && values.as_array().is_some_and(equals_one)
}

fn has(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::String(value), Value::String(part)) => value.contains(part.as_str()),
        (Value::Array(elements), part) => elements.iter().any(|element| json::equals(part, Some(element))),
        (Value::Object(fields), Value::String(key)) => fields.contains_key(key),
        _ => false,
    }
}
