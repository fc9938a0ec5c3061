//! How much work it is to evaluate a filter.

use serde_json::Value;

use super::{
    node::Node,
    operator::Operator,
    q::Q,
    test::{Condition, Test},
};

/// The work of a test that looks at a short value.
const PER_TEST: usize = 64;

/// The work of comparing an element of a list.
const PER_ELEMENT: usize = 16;

impl Q {
    /// An upper bound of the work of evaluating the filter for this payload. A unit is about a byte that is looked at.
    ///
    /// Only `contains` reads all of a value, which may be of any size. The work of every other operator is bounded by
    /// the filter's own size.
    pub(crate) fn work(&self, payload: &Value) -> usize {
        self.0.work(payload)
    }
}

impl Node {
    fn work(&self, payload: &Value) -> usize {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().map(|node| node.work(payload)).sum(),
            Self::Not(node) => node.work(payload),
            Self::Test(test) => test.work(payload),
        }
    }
}

impl Test {
    fn work(&self, payload: &Value) -> usize {
        let Condition::Operator { operator: Operator::Contains, .. } = self.condition else { return PER_TEST };
        let read = match self.path.lookup(payload) {
            Some(Value::String(text)) => text.len(),
            Some(Value::Array(elements)) => elements.len() * PER_ELEMENT,
            _ => 0,
        };
        PER_TEST + read
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_contains_counts_what_it_reads() {
        let payload = json!({ "text": "a".repeat(10_000), "list": vec![1; 1_000], "map": { "a": 1 } });
        for (filter, expected) in [
            (json!({}), 0),
            (json!({ "text": { "eq": "a" } }), PER_TEST),
            (json!({ "text": { "startswith": "a" } }), PER_TEST),
            (json!({ "text": { "contains": "b" } }), PER_TEST + 10_000),
            (json!({ "list": { "contains": 2 } }), PER_TEST + 1_000 * PER_ELEMENT),
            (json!({ "map": { "contains": "a" } }), PER_TEST),
            (json!({ "missing": { "contains": "a" } }), PER_TEST),
            (json!({ "not": { "text": { "contains": "b" } }, "text": { "ne": "c" } }), PER_TEST * 2 + 10_000),
        ] {
            assert_eq!(Q::from_json(&filter).unwrap().work(&payload), expected, "{filter}");
        }
    }
}
