//! What an event about many-to-many links says.

use std::{any::TypeId, cmp::Ordering};

use sea_orm::{EntityTrait, sea_query::ValueTuple};
use serde_json::Value as Json;

use super::{column_json::Plain, junction::Joins};

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

/// The relation that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The model's field.
    pub name: &'static str,
    pub(super) junction: TypeId,
}

impl Relation {
    /// The relation of `A` with `R` through the junction `J`, which announces its links.
    #[must_use]
    pub const fn through<J, A, R>(name: &'static str) -> Self
    where
        J: Joins<A, Other = R>,
        A: EntityTrait,
        R: EntityTrait,
    {
        Self { name, junction: TypeId::of::<J>() }
    }
}

/// Which links of a row changed, as a `link_payload` sees it.
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
    /// What was done.
    pub op: LinkOp,
    /// The model's field of the relation.
    pub relation: &'static str,
    /// The table on the other side.
    pub related: &'static str,
    /// Keys of the rows that were linked or unlinked, sorted; a composite key is an array. Empty if
    /// all links were cleared.
    pub keys: Vec<Json>,
}

impl LinkChange {
    /// A change, for example to test a payload with.
    #[must_use]
    pub const fn new(op: LinkOp, relation: &'static str, related: &'static str, keys: Vec<Json>) -> Self {
        Self { op, relation, related, keys }
    }

    pub(super) fn of(op: LinkOp, relation: &'static str, related: &'static str, keys: &[ValueTuple]) -> Self {
        let mut keys: Vec<Json> = if op == LinkOp::Clear { Vec::new() } else { keys.iter().map(json).collect() };
        keys.sort_by(order);
        Self::new(op, relation, related, keys)
    }
}

/// A key as receivers and callbacks see it; a composite one is an array.
pub(super) fn json(key: &ValueTuple) -> Json {
    // What a key can be, JSON can say.
    let part = |value| serde_json::to_value(Plain::from(value)).unwrap_or_default();
    let parts: Vec<_> = key.clone().into_iter().collect();
    match parts.as_slice() {
        [one] => part(one),
        many => many.iter().map(part).collect(),
    }
}

/// Numbers by size, all else as text, arrays part by part.
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
