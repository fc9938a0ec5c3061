//! The canonical form of a filter: equal filters are equal values and have equal texts.

use serde_json::{Map, Value};

use super::{
    node::Node,
    test::{Condition, Test},
};

impl Node {
    /// The filter that holds if all of `nodes` do.
    pub(super) fn all(nodes: Vec<Self>) -> Self {
        Self::joined(nodes, Self::All, |node| match node {
            Self::All(nodes) => Ok(nodes),
            other => Err(other),
        })
    }

    /// The filter that holds if any of `nodes` does.
    pub(super) fn any(nodes: Vec<Self>) -> Self {
        if nodes.contains(&Self::always()) {
            return Self::always();
        }
        Self::joined(nodes, Self::Any, |node| match node {
            Self::Any(nodes) => Ok(nodes),
            other => Err(other),
        })
    }

    /// Flattens nodes of the same kind with `open`, then sorts and deduplicates.
    fn joined(nodes: Vec<Self>, join: fn(Vec<Self>) -> Self, open: fn(Self) -> Result<Vec<Self>, Self>) -> Self {
        let flat = nodes.into_iter().flat_map(|node| open(node).unwrap_or_else(|other| vec![other]));
        let mut sorted: Vec<(String, Self)> = flat.map(|node| (node.to_json().to_string(), node)).collect();
        sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
        sorted.dedup_by(|(one, _), (other, _)| one == other);
        let mut nodes: Vec<Self> = sorted.into_iter().map(|(_, node)| node).collect();
        match nodes.len() {
            1 => nodes.remove(0),
            _ => join(nodes),
        }
    }

    /// The filter that holds if this one doesn't.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Not(node) => *node,
            node => Self::Not(Box::new(node)),
        }
    }

    /// The filter as JSON. Equal filters give equal JSON.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::All(nodes) => {
                merged(nodes).unwrap_or_else(|| object("and", nodes.iter().map(Self::to_json).collect()))
            }
            Self::Any(nodes) => object("or", nodes.iter().map(Self::to_json).collect()),
            Self::Not(node) => object("not", node.to_json()),
            Self::Test(test) => object(&test.path.to_string(), object(&test.operator_name(), operand(test))),
        }
    }
}

/// Writes tests as one object such as `{"a": {"gt": 1, "lt": 2}}`.
///
/// Returns `None` if a node isn't a test, or if two tests use the same operator on the same path.
fn merged(nodes: &[Node]) -> Option<Value> {
    let mut paths: Map<String, Value> = Map::new();
    for node in nodes {
        let Node::Test(test) = node else { return None };
        let operators = paths.entry(test.path.to_string()).or_insert_with(|| Value::Object(Map::new()));
        let former = operators.as_object_mut()?.insert(test.operator_name(), operand(test));
        if former.is_some() {
            return None;
        }
    }
    Some(sorted(&Value::Object(paths)))
}

fn operand(test: &Test) -> Value {
    match &test.condition {
        Condition::Operator { operand, .. } => operand.clone(),
        Condition::Changed => Value::Bool(true),
    }
}

fn object(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

/// The same value with all object keys sorted.
///
/// Without this, the order would depend on whether `serde_json` is built with `preserve_order`.
pub(super) fn sorted(json: &Value) -> Value {
    match json {
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().collect())
        }
        other => other.clone(),
    }
}
