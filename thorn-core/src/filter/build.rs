//! Filters written in Rust.

use serde_json::Value;

use super::{
    Node, Q,
    json::sorted,
    operator::Operator,
    path::Path,
    test::{Ask, Test},
};

/// A path that waits for its operator; made by [`Q::field`].
#[derive(Clone, Debug)]
#[must_use = "choose an operator"]
pub struct QField(Path);

/// Defines each operator together with its transition.
macro_rules! operators {
    ($(
        $(#[$doc:meta])*
        $name:ident, $now:ident ($($arg:ident: $type:ty)?) $operator:ident, $operand:expr;
    )*) => {$(
        $(#[$doc])*
        pub fn $name(self $(, $arg: $type)?) -> Q {
            self.whether(false, Operator::$operator, &$operand)
        }

        #[doc = concat!("Whether `", stringify!($name), "` has become true.")]
        pub fn $now(self $(, $arg: $type)?) -> Q {
            self.whether(true, Operator::$operator, &$operand)
        }
    )*};
}

// `eq` is an operator of filters, not of Rust.
#[allow(clippy::should_implement_trait)]
impl QField {
    pub(super) fn new(path: &str) -> Self {
        Self(Path::parse(path))
    }

    /// Whether the value differs from the one before. A new row's values other than null do.
    pub fn changed(self) -> Q {
        Q(Node::Test(Test { path: self.0, ask: Ask::Changed }))
    }

    fn whether(self, now: bool, operator: Operator, operand: &Value) -> Q {
        let operand = sorted(operand);
        Q(Node::Test(Test { path: self.0, ask: Ask::Whether { now, operator, operand } }))
    }

    operators! {
        /// Whether it equals this value, or is truthy or falsy if the value is a `bool`.
        eq, now_eq (value: impl Into<Value>) Eq, value.into();

        /// Whether it is null or differs from this value.
        ne, now_ne (value: impl Into<Value>) Ne, value.into();

        /// Whether it is greater than this number or string.
        gt, now_gt (value: impl Into<Value>) Gt, value.into();

        /// Whether it is greater or equal.
        gte, now_gte (value: impl Into<Value>) Gte, value.into();

        /// Whether it is less.
        lt, now_lt (value: impl Into<Value>) Lt, value.into();

        /// Whether it is less or equal.
        lte, now_lte (value: impl Into<Value>) Lte, value.into();

        /// Whether it is one of these values.
        is_in, now_in (values: impl IntoIterator<Item = impl Into<Value>>) In, list(values);

        /// Whether it is null or none of these values.
        not_in, now_not_in (values: impl IntoIterator<Item = impl Into<Value>>) NotIn, list(values);

        /// Whether it has this part: a substring, an element of a list, or a key of an object.
        contains, now_contains (part: impl Into<Value>) Contains, part.into();

        /// Whether it is a string that starts so; case matters.
        starts_with, now_starts_with (prefix: impl Into<String>) StartsWith, Value::String(prefix.into());

        /// Whether it is a string that ends so; case matters.
        ends_with, now_ends_with (suffix: impl Into<String>) EndsWith, Value::String(suffix.into());

        /// Whether it is null.
        is_null, now_is_null () IsNull, Value::Bool(true);

        /// Whether it is not null.
        is_not_null, now_is_not_null () IsNotNull, Value::Bool(true);

        /// Whether it is truthy: not null, `false`, zero or empty.
        is_true, now_is_true () IsTrue, Value::Bool(true);

        /// Whether it is falsy: null, `false`, zero or empty.
        is_false, now_is_false () IsFalse, Value::Bool(true);
    }
}

fn list(values: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    Value::Array(values.into_iter().map(Into::into).collect())
}
