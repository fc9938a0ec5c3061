//! Values that a column can be compared with.

use std::{any::Any, cmp::Ordering};

use sea_orm::prelude::{Decimal, Json, Uuid};

use crate::filter::value as json;

/// SQL's null as an operand: `title.now_eq(Null)` is `title.now_is_null()`.
// `Null` isn't `PartialEq`, because the blanket implementation of `EqualTo` would then overlap with its own.
#[derive(Clone, Copy, Debug)]
pub struct Null;

/// A value that can equal a column of type `T`.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` can't be compared with `{Self}`",
    label = "expected a `{T}`"
)]
pub trait EqualTo<T> {
    /// Whether a column's value equals this one. `None` is null.
    fn equals(&self, value: Option<&T>) -> bool;
}

/// A value that can be ordered against a column of type `T`.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` can't be ordered against `{Self}`",
    label = "expected a `{T}`, which must be `PartialOrd`"
)]
pub trait OrderedWith<T> {
    /// How a column's value compares to this one. `None` if the two can't be compared.
    fn order(&self, value: &T) -> Option<Ordering>;
}

/// A column type with a truth value.
#[diagnostic::on_unimplemented(
    message = "a column of type `{Self}` is neither true nor false",
    label = "only booleans, numbers, strings, lists and JSON have a truth value"
)]
pub trait Truthy {
    /// Whether the value isn't `false`, zero or empty.
    fn is_truthy(&self) -> bool;
}

impl<T: PartialEq + Any> EqualTo<T> for T {
    fn equals(&self, value: Option<&T>) -> bool {
        if let Some(operand) = (self as &dyn Any).downcast_ref::<Json>() {
            // JSON numbers are compared by their value, as `Q` does.
            return json::equals(operand, value.and_then(|value| (value as &dyn Any).downcast_ref()));
        }
        match value {
            Some(value) => value == self,
            // `eq(false)` tests whether a boolean column is falsy, as for any other column. Null is falsy.
            None => (self as &dyn Any).downcast_ref() == Some(&false),
        }
    }
}

impl<T: PartialEq + Any> EqualTo<T> for &T {
    fn equals(&self, value: Option<&T>) -> bool {
        T::equals(self, value)
    }
}

impl<T> EqualTo<T> for Null {
    fn equals(&self, value: Option<&T>) -> bool {
        value.is_none()
    }
}

impl<T: PartialOrd + Any> OrderedWith<T> for T {
    fn order(&self, value: &T) -> Option<Ordering> {
        value.partial_cmp(self)
    }
}

impl EqualTo<String> for &str {
    fn equals(&self, value: Option<&String>) -> bool {
        value.is_some_and(|value| value == self)
    }
}

impl OrderedWith<String> for &str {
    fn order(&self, value: &String) -> Option<Ordering> {
        value.as_str().partial_cmp(*self)
    }
}

impl EqualTo<Json> for &str {
    fn equals(&self, value: Option<&Json>) -> bool {
        value.is_some_and(|value| value.as_str() == Some(self))
    }
}

impl EqualTo<Uuid> for &str {
    fn equals(&self, value: Option<&Uuid>) -> bool {
        value.is_some_and(|value| self.parse() == Ok(*value))
    }
}

/// Integer operands for columns of other types, such as `price.gt(10)`.
macro_rules! whole_numbers {
    ($($column:ty),*) => {$(
        impl EqualTo<$column> for i32 {
            fn equals(&self, value: Option<&$column>) -> bool {
                value.is_some_and(|value| *value == <$column>::from(*self))
            }
        }

        impl OrderedWith<$column> for i32 {
            fn order(&self, value: &$column) -> Option<Ordering> {
                value.partial_cmp(&<$column>::from(*self))
            }
        }
    )*};
}

whole_numbers!(f64, Decimal);

impl Truthy for bool {
    fn is_truthy(&self) -> bool {
        *self
    }
}

/// The truth value of types other than `bool`, which `eq(true)` tests as well.
macro_rules! truthy {
    ($([$($generics:tt)*] $type:ty, $it:ident => $test:expr;)*) => {$(
        impl<$($generics)*> Truthy for $type {
            fn is_truthy(&self) -> bool {
                let $it = self;
                $test
            }
        }

        impl<$($generics)*> EqualTo<$type> for bool {
            fn equals(&self, value: Option<&$type>) -> bool {
                value.is_some_and(Truthy::is_truthy) == *self
            }
        }
    )*};
}

truthy! {
    [] i8, it => *it != 0;
    [] i16, it => *it != 0;
    [] i32, it => *it != 0;
    [] i64, it => *it != 0;
    [] u8, it => *it != 0;
    [] u16, it => *it != 0;
    [] u32, it => *it != 0;
    [] u64, it => *it != 0;
    [] f32, it => *it != 0.0;
    [] f64, it => *it != 0.0;
    [] Decimal, it => !it.is_zero();
    [] String, it => !it.is_empty();
    [T] Vec<T>, it => !it.is_empty();
    [] Json, it => json::is_truthy(it);
}
