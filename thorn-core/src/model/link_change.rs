//! Changes of many-to-many links, as events report them.

use std::{any::TypeId, cmp::Ordering};

use sea_orm::sea_query::ValueTuple;
use serde_json::Value as Json;

use super::column_json::key_json;

/// How links changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkOp {
    /// Rows were linked.
    Add,
    /// Links were removed.
    Remove,
    /// All links of the row were removed by [`links::clear`](crate::model::links::clear).
    Clear,
}

/// The relation that an event about links belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The field of the model.
    pub name: &'static str,
    pub(super) junction: TypeId,
}

/// The links of a row that changed, as a `link_payload` function gets them.
///
/// # Examples
///
/// ```
/// use serde_json::{Value, json};
/// use thorn_core::model::LinkChange;
///
/// fn tags_json(title: &str, links: &LinkChange) -> Value {
///     json!({ "title": title, links.relation: links.keys }) // {"title": "…", "tags": [3, 7]}
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LinkChange {
    /// How the links changed.
    pub op: LinkOp,
    /// The model's field of the relation.
    pub relation: &'static str,
    /// The table on the other side.
    pub related: &'static str,
    /// The keys of the rows that were linked or unlinked, sorted. A composite key is an array. Empty if all
    /// links were cleared.
    pub keys: Vec<Json>,
}

impl LinkChange {
    /// Describes a change, for example to test a `link_payload` function.
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::model::{LinkChange, LinkOp};
    ///
    /// let change = LinkChange::new(LinkOp::Add, "tags", "tag", vec![3.into(), 7.into()]);
    /// assert_eq!(change.keys.len(), 2);
    /// ```
    #[must_use]
    pub const fn new(op: LinkOp, relation: &'static str, related: &'static str, keys: Vec<Json>) -> Self {
        Self { op, relation, related, keys }
    }

    pub(super) fn of(op: LinkOp, relation: &'static str, related: &'static str, keys: &[ValueTuple]) -> Self {
        let mut keys: Vec<Json> = if op == LinkOp::Clear { Vec::new() } else { keys.iter().map(key_json).collect() };
        keys.sort_by(order);
        Self::new(op, relation, related, keys)
    }
}

/// Orders numbers by size, arrays part by part, and everything else as text.
fn order(a: &Json, b: &Json) -> Ordering {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => match (a.as_i128(), b.as_i128()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        },
        (Json::String(a), Json::String(b)) => a.cmp(b),
        (Json::Array(a), Json::Array(b)) => {
            a.iter().zip(b).map(|(a, b)| order(a, b)).find(|it| it.is_ne()).unwrap_or(a.len().cmp(&b.len()))
        }
        _ => a.to_string().cmp(&b.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::Value;
    use serde_json::json;

    use super::{LinkChange, LinkOp, ValueTuple};

    fn keys(op: LinkOp, keys: &[ValueTuple]) -> serde_json::Value {
        LinkChange::of(op, "tags", "tag", keys).keys.into()
    }

    #[test]
    fn thorn_071_keys_are_sorted_and_none_are_said_of_a_clear() {
        let one = |key: i64| ValueTuple::One(Value::from(key));
        assert_eq!(keys(LinkOp::Add, &[one(10), one(-9), one(2)]), json!([-9, 2, 10]));
        assert_eq!(keys(LinkOp::Clear, &[one(10), one(9)]), json!([]));
        let text = |key: &str| ValueTuple::One(Value::from(key));
        assert_eq!(keys(LinkOp::Remove, &[text("b"), text("a10"), text("a9")]), json!(["a10", "a9", "b"]));
        let two = |a: i32, b: &str| ValueTuple::Two(Value::from(a), Value::from(b));
        assert_eq!(
            keys(LinkOp::Add, &[two(10, "a"), two(9, "b"), two(9, "a")]),
            json!([[9, "a"], [9, "b"], [10, "a"]])
        );
    }
}
