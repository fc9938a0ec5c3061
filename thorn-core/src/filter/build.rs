//! Builds filters in Rust code.

use serde_json::Value;

use super::{
    canonical::sorted,
    node::Node,
    operator::Operator,
    path::Path,
    q::Q,
    test::{Condition, Test},
};

/// The path of a field, made by [`Q::field`]; call an operator on it to get a [`Q`].
///
/// # Examples
///
/// ```
/// use thorn_core::filter::Q;
///
/// let q = Q::field("views").gte(10) & Q::field("state").now_eq("PUBLISHED");
/// let (old, new) = (serde_json::json!({"state": "DRAFT"}), serde_json::json!({"views": 12, "state": "PUBLISHED"}));
/// assert!(q.matches(&new, Some(&old)));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a field is not a filter until an operator is called on it"]
pub struct QField(Path);

/// Defines a method for each operator, and one for its transition.
macro_rules! operators {
    ($(
        $(#[$doc:meta])*
        $name:ident, $now:ident ($($arg:ident: $type:ty)?) $operator:ident, $operand:expr;
    )*) => {$(
        $(#[$doc])*
        pub fn $name(self $(, $arg: $type)?) -> Q {
            self.test(false, Operator::$operator, &$operand)
        }

        #[doc = concat!("Whether `", stringify!($name), "` holds now and didn't hold for the previous version.")]
        pub fn $now(self $(, $arg: $type)?) -> Q {
            self.test(true, Operator::$operator, &$operand)
        }
    )*};
}

impl Q {
    /// Starts a test of the field at this path, as in `Q::field("author.name").eq("alice")`.
    ///
    /// The path names fields from the outermost object inwards, separated by dots. It is checked by
    /// [`Q::check`].
    pub fn field(path: &str) -> QField {
        QField(Path::parse(path))
    }
}

#[allow(clippy::should_implement_trait, reason = "`eq` returns a filter, not a `bool` as `PartialEq` does")]
impl QField {
    /// Whether the value differs from the previous version's. In a new row, every value but null does.
    pub fn changed(self) -> Q {
        Q(Box::new(Node::Test(Test { path: self.0, condition: Condition::Changed })))
    }

    fn test(self, transition: bool, operator: Operator, operand: &Value) -> Q {
        let operand = sorted(operand);
        Q(Box::new(Node::Test(Test { path: self.0, condition: Condition::Operator { transition, operator, operand } })))
    }

    operators! {
        /// Whether the field equals this value. With a `bool`, whether the field is truthy or falsy.
        eq, now_eq (value: impl Into<Value>) Eq, value.into();

        /// Whether the field is null or differs from this value.
        ne, now_ne (value: impl Into<Value>) Ne, value.into();

        /// Whether the field is greater than this number or string.
        gt, now_gt (value: impl Into<Value>) Gt, value.into();

        /// Whether the field is greater than or equal to this number or string.
        gte, now_gte (value: impl Into<Value>) Gte, value.into();

        /// Whether the field is less than this number or string.
        lt, now_lt (value: impl Into<Value>) Lt, value.into();

        /// Whether the field is less than or equal to this number or string.
        lte, now_lte (value: impl Into<Value>) Lte, value.into();

        /// Whether the field is one of these values.
        is_in, now_in (values: impl IntoIterator<Item = impl Into<Value>>) In, list(values);

        /// Whether the field is null or none of these values.
        not_in, now_not_in (values: impl IntoIterator<Item = impl Into<Value>>) NotIn, list(values);

        /// Whether the field contains this part: a substring, an element of a list, or a key of an object.
        contains, now_contains (part: impl Into<Value>) Contains, part.into();

        /// Whether the field is a string with this prefix, compared case-sensitively.
        starts_with, now_starts_with (prefix: impl Into<String>) StartsWith, Value::String(prefix.into());

        /// Whether the field is a string with this suffix, compared case-sensitively.
        ends_with, now_ends_with (suffix: impl Into<String>) EndsWith, Value::String(suffix.into());

        /// Whether the field is null or missing.
        is_null, now_is_null () IsNull, Value::Bool(true);

        /// Whether the field is neither null nor missing.
        is_not_null, now_is_not_null () IsNotNull, Value::Bool(true);

        /// Whether the field is truthy: not null, `false`, zero or empty.
        is_true, now_is_true () IsTrue, Value::Bool(true);

        /// Whether the field is falsy: null, `false`, zero or empty.
        is_false, now_is_false () IsFalse, Value::Bool(true);
    }
}

fn list(values: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    Value::Array(values.into_iter().map(Into::into).collect())
}
