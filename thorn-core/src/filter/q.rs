//! The filter type [`Q`].

use std::{
    fmt,
    ops::{BitAnd, BitOr, Not},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::{
    invalid::InvalidQ,
    kind::Kind,
    node::{MAX_DEPTH, Node},
    reader::{MAX_PROBLEMS, Reader},
    test::Test,
};

/// The most tests in one filter.
const MAX_TESTS: usize = 100;

/// The longest filter, in bytes of its JSON.
const MAX_BYTES: usize = 16 * 1024;

/// A filter as data, which can be written as JSON or in Rust, stored in a table and sent over an API.
///
/// It tests JSON values with the operators that a [`Field`](crate::model::Field) has for columns, and gives
/// the same answers. The default filter is empty and matches everything.
///
/// # JSON form
///
/// | JSON | matches if |
/// |---|---|
/// | `{"state": {"eq": "PUBLISHED"}}` | the operator holds for the field at this path |
/// | `{"state": "PUBLISHED"}` | the same, abbreviated |
/// | `{"views": {"gt": 10, "lte": 20}, "state": "DRAFT"}` | all of these tests hold |
/// | `{"and": [{…}, {…}]}` | all of these filters match |
/// | `{"or": [{…}, {…}]}` | any of these filters matches |
/// | `{"not": {…}}` | this filter doesn't match |
/// | `{}` | always |
/// | `{"author.name": "alice"}` | the field `name` of the object `author` equals `alice` |
/// | `{"$.and": 1}` | the field named `and` equals 1; likewise `$.or` and `$.not` |
///
/// A field is null if it is missing, or if an object on its path is null or missing. A path leads through
/// objects, not into lists. It can't name a field with a dot in its name.
///
/// # Operators
///
/// | operator | operand | holds if the field |
/// |---|---|---|
/// | `eq`, `ne` | anything | equals it, or doesn't; a Boolean compares with the field's truthiness, numbers by value |
/// | `gt`, `gte`, `lt`, `lte` | number or string | is greater, and so on; never for null or another type |
/// | `in`, `not_in` | list without null | is one of them, or isn't; null is never one of them |
/// | `contains` | anything but null | contains it as a substring, element or key |
/// | `startswith`, `endswith` | string | is a string with this prefix or suffix |
/// | `is_null`, `is_not_null` | `true` | is null, or isn't; also written `{"is": null}`, `{"is_not": null}` |
/// | `is_true`, `is_false` | `true` | is truthy, or is null, `false`, zero or empty; aliases `true` and `not` |
/// | `now_…` | as without `now_` | passes the test, and didn't before the change |
/// | `changed` | `true` | differs from the previous version |
///
/// Values without a JSON type are compared as receivers see them: decimals, dates and UUIDs are strings, and strings
/// compare as text, so `"10.50" < "9"`. Only [`matches_rows`](Self::matches_rows) knows the types of columns, and
/// compares decimals, dates and times by value.
///
/// # Limits
///
/// A filter has at most 100 tests and 16 KiB of JSON, or what
/// [`max_filter_bytes`](crate::Config::max_filter_bytes) lets a subscription have. Filters nest at most 16 levels, and so do operands. A
/// path has at most 190 characters. Numbers in JSON go from −2⁶³ to 2⁶⁴ − 1, because JSON readers round larger integers.
///
/// # Examples
///
/// ```
/// use thorn_core::filter::Q;
///
/// let q: Q = r#"{"state": {"now_eq": "PUBLISHED"}, "not": {"title": "x"}}"#.parse()?;
/// assert_eq!(q, Q::field("state").now_eq("PUBLISHED") & !Q::field("title").eq("x"));
///
/// let (old, new) = (serde_json::json!({"state": "DRAFT"}), serde_json::json!({"state": "PUBLISHED"}));
/// assert!(q.matches(&new, Some(&old)) && !q.matches(&new, Some(&new)));
///
/// let wrong = r#"{"state": {"equals": "PUBLISHED"}}"#.parse::<Q>().unwrap_err();
/// assert!(wrong.to_string().contains("`state`: unknown operator `equals`; use eq, ne, "));
/// # Ok::<(), thorn_core::filter::InvalidQ>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Q(pub(super) Box<Node>);

impl Q {
    /// Reads a filter from JSON.
    ///
    /// # Errors
    ///
    /// [`InvalidQ`] with every unknown operator, wrong operand, invalid path and exceeded limit.
    pub fn from_json(json: &Value) -> Result<Self, InvalidQ> {
        Self::read(json, |q| q.check().err().map(|invalid| invalid.problems).unwrap_or_default())
    }

    /// As [`from_json`](Self::from_json), but a caller bounds the bytes.
    pub(crate) fn of_any_size(json: &Value) -> Result<Self, InvalidQ> {
        Self::read(json, Self::problems)
    }

    fn read(json: &Value, check: impl Fn(&Self) -> Vec<String>) -> Result<Self, InvalidQ> {
        let mut reader = Reader::new();
        let q = Self(Box::new(reader.node(json)));
        let mut problems = reader.problems;
        problems.extend(check(&q));
        if problems.is_empty() { Ok(q) } else { Err(InvalidQ { problems }) }
    }

    /// Reads a filter that was checked before it was stored.
    pub(crate) fn of_stored(text: &str) -> Result<Self, InvalidQ> {
        let mut reader = Reader::of_stored();
        let json = serde_json::from_str(text).map_err(not_json)?;
        let q = Self(Box::new(reader.node(&json)));
        if reader.problems.is_empty() { Ok(q) } else { Err(InvalidQ { problems: reader.problems }) }
    }

    /// The filter as JSON in canonical form: equal filters give equal JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.0.to_json()
    }

    /// Checks the paths, operands and limits of a filter written in Rust. A filter from JSON is already
    /// checked.
    ///
    /// # Errors
    ///
    /// [`InvalidQ`] with every problem.
    pub fn check(&self) -> Result<(), InvalidQ> {
        let mut problems = self.problems();
        let bytes = self.to_string().len();
        if bytes > MAX_BYTES {
            problems.push(format!("the filter has {bytes} bytes; at most {MAX_BYTES} are allowed"));
        }
        if problems.is_empty() { Ok(()) } else { Err(InvalidQ { problems }) }
    }

    /// Says what is wrong with the filter, except for its bytes.
    fn problems(&self) -> Vec<String> {
        let tests = self.0.tests();
        let mut problems: Vec<String> = tests.iter().filter_map(|test| test.problem()).take(MAX_PROBLEMS).collect();
        if tests.len() > MAX_TESTS {
            problems.push(format!("the filter has {} tests; at most {MAX_TESTS} are allowed", tests.len()));
        }
        if self.0.depth() > MAX_DEPTH + 1 {
            problems.push(format!("the filter nests deeper than {MAX_DEPTH} levels"));
        }
        problems
    }

    /// Whether the filter matches a value, given its previous version.
    ///
    /// Pass `None` for `old` if there is no previous version. Every field of it then counts as null.
    #[must_use]
    pub fn matches(&self, new: &Value, old: Option<&Value>) -> bool {
        self.matches_typed(new, old, &|_| Kind::Untyped)
    }

    /// As [`matches`](Self::matches), but the field of a name is compared as `kind` says.
    pub(crate) fn matches_typed(&self, new: &Value, old: Option<&Value>, kind: &dyn Fn(&str) -> Kind) -> bool {
        self.0.matches(new, old, kind)
    }

    /// Whether the filter depends on the previous version, through `now_…` or `changed`.
    #[must_use]
    pub fn reads_old(&self) -> bool {
        self.0.tests().into_iter().any(Test::reads_old)
    }

    /// The outermost field name of each path in the filter.
    pub(crate) fn outermost_names(&self) -> Vec<&str> {
        self.0.tests().into_iter().map(|test| test.path.outermost_name()).collect()
    }

    /// Whether the filter tests nothing and therefore matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self.0 == Node::always()
    }
}

impl Default for Q {
    fn default() -> Self {
        Self(Box::new(Node::always()))
    }
}

impl BitAnd for Q {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(Box::new(Node::all(vec![*self.0, *other.0])))
    }
}

impl BitOr for Q {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(Box::new(Node::any(vec![*self.0, *other.0])))
    }
}

impl Not for Q {
    type Output = Self;

    fn not(self) -> Self {
        Self(Box::new(self.0.negated()))
    }
}

/// Writes the filter as JSON in canonical form.
impl fmt::Display for Q {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

impl FromStr for Q {
    type Err = InvalidQ;

    fn from_str(s: &str) -> Result<Self, InvalidQ> {
        Self::from_json(&serde_json::from_str(s).map_err(not_json)?)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of `map_err`")]
fn not_json(error: serde_json::Error) -> InvalidQ {
    InvalidQ { problems: vec![format!("not valid JSON: {error}")] }
}

impl Serialize for Q {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Q {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl From<Q> for Value {
    fn from(q: Q) -> Self {
        q.to_json()
    }
}
