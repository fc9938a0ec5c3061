//! Filters as data: the operators of [`Field`](crate::model::Field), chosen at run time.

mod build;
mod invalid;
mod json;
mod operator;
mod path;
mod test;
pub(crate) mod value;

use std::{
    fmt,
    ops::{BitAnd, BitOr, Not},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

pub use build::QField;
pub use invalid::InvalidQ;

use self::{json::Reader, test::Test};

/// The most tests in one filter.
const MAX_TESTS: usize = 100;

/// The longest filter, in bytes of its JSON.
const MAX_BYTES: usize = 16 * 1024;

/// A filter as data: written as JSON or in Rust, kept in a table, sent over an API.
///
/// It tests values of JSON as a [`Field`](crate::model::Field) tests columns, with the same operators and
/// the same answers. The default is empty, which is always true.
///
/// # As JSON
///
/// | | |
/// |---|---|
/// | `{"state": {"eq": "PUBLISHED"}}` | a path, an operator and its operand |
/// | `{"state": "PUBLISHED"}` | the same, in short |
/// | `{"views": {"gt": 10, "lte": 20}, "state": "DRAFT"}` | all of them |
/// | `{"and": [{…}, {…}]}`, `{"or": [{…}, {…}]}`, `{"not": {…}}` | all, any, none; they nest |
/// | `{}` | always |
/// | `{"author.name": "alice"}` | the field `name` of the object `author`; null if any of it is null or missing |
/// | `{"$.and": 1}` | a field called `and`, `or` or `not` |
///
/// | operator | operand | holds if the value |
/// |---|---|---|
/// | `eq`, `ne` | anything | equals it, or doesn't; `true` and `false` ask for its truth, numbers are what they amount to |
/// | `gt`, `gte`, `lt`, `lte` | number or string | is greater, …; never for null or another type |
/// | `in`, `not_in` | list without null | is one of them, or isn't; null is none |
/// | `contains` | anything but null | has it as substring, element or key |
/// | `startswith`, `endswith` | string | is a string that starts or ends so |
/// | `is_null`, `is_not_null` | `true` | is null (or missing), or isn't; also `{"is": null}`, `{"is_not": null}` |
/// | `is_true`, `is_false` | `true` | is truthy, or null, `false`, zero or empty; also `true` and `not` |
/// | `now_…` | as without `now_` | passes the test and didn't before the change |
/// | `changed` | `true` | differs from the one before |
///
/// What JSON has no type for is what receivers see: decimals, dates and UUIDs are strings. Paths lead
/// through objects, not into lists, and can't name a field with a dot in its name.
///
/// At most 100 tests, 16 levels (and as many within an operand), 190 characters for a path and 16 KiB of JSON.
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
pub struct Q(Node);

/// `All` and `Any` never hold one node only, nor a node of their own kind, nor one twice; their nodes
/// are in order. `Not` holds no `Not`. So equal filters are equal values.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test(Test),
}

impl Q {
    /// A test of the field at this path: `Q::field("author.name").eq("alice")`.
    pub fn field(path: &str) -> QField {
        QField::new(path)
    }

    /// Reads a filter from JSON.
    ///
    /// # Errors
    ///
    /// [`InvalidQ`] with every unknown operator, wrong operand and path that is none, or a limit.
    pub fn from_json(json: &Value) -> Result<Self, InvalidQ> {
        let mut reader = Reader::new();
        let q = Self(reader.node(json));
        let mut problems = reader.problems;
        problems.extend(q.check().err().into_iter().flat_map(|invalid| invalid.problems));
        if problems.is_empty() { Ok(q) } else { Err(InvalidQ { problems }) }
    }

    /// The filter as JSON, in its one canonical form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json::write(&self.0)
    }

    /// Checks paths, operands and limits of a filter written in Rust; one from JSON was checked. A
    /// test that breaks a rule here holds for nothing it could have meant.
    ///
    /// # Errors
    ///
    /// [`InvalidQ`] with every problem.
    pub fn check(&self) -> Result<(), InvalidQ> {
        let mut tests = Vec::new();
        self.0.tests(&mut tests);
        let mut problems: Vec<String> = tests.iter().filter_map(|test| test.problem()).take(20).collect();
        if tests.len() > MAX_TESTS {
            problems.push(format!("it has {} tests, at most {MAX_TESTS} are allowed", tests.len()));
        }
        let bytes = self.to_string().len();
        if bytes > MAX_BYTES {
            problems.push(format!("it has {bytes} bytes, at most {MAX_BYTES} are allowed"));
        }
        if self.0.depth() > json::MAX_DEPTH + 1 {
            problems.push(format!("it nests deeper than {} levels", json::MAX_DEPTH));
        }
        if problems.is_empty() { Ok(()) } else { Err(InvalidQ { problems }) }
    }

    /// Whether it holds. `None` for `old` is that there is no previous version, which is as if all of
    /// it were null.
    #[must_use]
    pub fn matches(&self, new: &Value, old: Option<&Value>) -> bool {
        self.0.matches(new, old)
    }

    /// Whether it asks for the version before (`now_…`, `changed`).
    #[must_use]
    pub fn reads_old(&self) -> bool {
        let mut tests = Vec::new();
        self.0.tests(&mut tests);
        tests.into_iter().any(Test::reads_old)
    }

    /// The outermost name of each path that is tested.
    pub(crate) fn outermost_names(&self) -> Vec<&str> {
        let mut tests = Vec::new();
        self.0.tests(&mut tests);
        tests.into_iter().map(|test| test.path.first()).collect()
    }

    /// Whether it tests nothing, so that it is always true.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == Node::always()
    }
}

impl Node {
    const fn always() -> Self {
        Self::All(Vec::new())
    }

    fn all(nodes: Vec<Self>) -> Self {
        Self::joined(nodes, Self::All, |node| match node {
            Self::All(nodes) => Ok(nodes),
            other => Err(other),
        })
    }

    fn any(nodes: Vec<Self>) -> Self {
        // One that is always true makes the whole so.
        if nodes.contains(&Self::always()) {
            return Self::always();
        }
        Self::joined(nodes, Self::Any, |node| match node {
            Self::Any(nodes) => Ok(nodes),
            other => Err(other),
        })
    }

    fn joined(nodes: Vec<Self>, join: fn(Vec<Self>) -> Self, open: fn(Self) -> Result<Vec<Self>, Self>) -> Self {
        let flat = nodes.into_iter().flat_map(|node| open(node).unwrap_or_else(|other| vec![other]));
        let mut sorted: Vec<(String, Self)> = flat.map(|node| (json::write(&node).to_string(), node)).collect();
        sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
        sorted.dedup_by(|(one, _), (other, _)| one == other);
        let mut nodes: Vec<Self> = sorted.into_iter().map(|(_, node)| node).collect();
        match nodes.len() {
            1 => nodes.remove(0),
            _ => join(nodes),
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::Not(node) => *node,
            node => Self::Not(Box::new(node)),
        }
    }

    fn matches(&self, new: &Value, old: Option<&Value>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(new, old)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(new, old)),
            Self::Not(node) => !node.matches(new, old),
            Self::Test(test) => test.holds(new, old),
        }
    }

    fn tests<'a>(&'a self, tests: &mut Vec<&'a Test>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.tests(tests)),
            Self::Not(node) => node.tests(tests),
            Self::Test(test) => tests.push(test),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::All(nodes) | Self::Any(nodes) => 1 + nodes.iter().map(Self::depth).max().unwrap_or(0),
            Self::Not(node) => 1 + node.depth(),
            Self::Test(_) => 1,
        }
    }
}

impl Default for Q {
    fn default() -> Self {
        Self(Node::always())
    }
}

impl BitAnd for Q {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(Node::all(vec![self.0, other.0]))
    }
}

impl BitOr for Q {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(Node::any(vec![self.0, other.0]))
    }
}

impl Not for Q {
    type Output = Self;

    fn not(self) -> Self {
        Self(self.0.negated())
    }
}

/// As JSON, in its canonical form.
impl fmt::Display for Q {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

impl FromStr for Q {
    type Err = InvalidQ;

    fn from_str(s: &str) -> Result<Self, InvalidQ> {
        let json = serde_json::from_str(s)
            .map_err(|error| InvalidQ { problems: vec![format!("this is no JSON: {error}")] })?;
        Self::from_json(&json)
    }
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

#[cfg(test)]
mod tests;
