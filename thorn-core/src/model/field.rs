//! The operators of `when`.

mod compare;
mod text;

pub use self::compare::{EqualTo, Null, OrderedWith, Truthy};
pub use self::text::{Contains, Text};

use std::cmp::Ordering;

/// A column before and after a change, as `when` sees it.
///
/// `None` is SQL's null or, for `old`, that there is no previous version: filters treat both
/// alike. Every operator `x` has a transition `now_x`, which is true if `x` holds for the new
/// value and didn't hold for the old one.
///
/// Null is equal to nothing (but to [`Null`], and to `false`, see below), is a member of nothing,
/// and satisfies no ordering and no test of a string. `eq(true)` asks whether a value is truthy:
/// not null, `false`, zero or empty; `eq(false)` is the opposite.
///
/// # Examples
///
/// ```
/// use thorn_core::model::Field;
///
/// let views = Field::new(Some(&19), Some(&22));
/// assert!(views.gt(20) && views.now_gt(20));
///
/// let created = Field::new(None, Some(&22));
/// assert!(created.now_gt(20) && created.changed());
/// ```
#[derive(Debug)]
pub struct Field<'a, T> {
    /// The value before the change.
    pub old: Option<&'a T>,
    /// The value after it.
    pub new: Option<&'a T>,
}

impl<T> Clone for Field<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<'_, T> {}

/// Defines each operator together with its transition, from one test of a value that may be null.
macro_rules! operators {
    ($(
        $(#[$doc:meta])*
        $name:ident, $now:ident [$($generics:tt)*] [$($bounds:tt)*] ($($arg:ident: $type:ty)?) |$value:ident| $test:expr;
    )*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name<$($generics)*>(self $(, $arg: $type)?) -> bool where $($bounds)* {
            let $value = self.new;
            $test
        }

        #[doc = concat!("Whether `", stringify!($name), "` has become true.")]
        #[must_use]
        pub fn $now<$($generics)*>(self $(, $arg: $type)?) -> bool where $($bounds)* {
            self.became(|$value| $test)
        }
    )*};
}

// Operands come by value, so that nobody writes `&`; `eq` is an operator of filters, not of Rust.
#[allow(clippy::needless_pass_by_value, clippy::should_implement_trait)]
impl<'a, T> Field<'a, T> {
    /// A column's value before and after.
    #[must_use]
    pub const fn new(old: Option<&'a T>, new: Option<&'a T>) -> Self {
        Self { old, new }
    }

    /// Whether the value differs from the one before. A new row's values other than null do.
    #[must_use]
    pub fn changed(self) -> bool
    where
        T: PartialEq,
    {
        self.old != self.new
    }

    fn became(self, test: impl Fn(Option<&T>) -> bool) -> bool {
        test(self.new) && !test(self.old)
    }

    operators! {
        /// Whether it equals this value, or is truthy or falsy if the value is a `bool`.
        eq, now_eq [V] [V: EqualTo<T>] (value: V) |it| value.equals(it);

        /// Whether it is null or differs from this value.
        ne, now_ne [V] [V: EqualTo<T>] (value: V) |it| !value.equals(it);

        /// Whether it is greater.
        gt, now_gt [V] [V: OrderedWith<T>] (value: V) |it| it.and_then(|it| value.order(it)).is_some_and(Ordering::is_gt);

        /// Whether it is greater or equal.
        gte, now_gte [V] [V: OrderedWith<T>] (value: V) |it| it.and_then(|it| value.order(it)).is_some_and(Ordering::is_ge);

        /// Whether it is less.
        lt, now_lt [V] [V: OrderedWith<T>] (value: V) |it| it.and_then(|it| value.order(it)).is_some_and(Ordering::is_lt);

        /// Whether it is less or equal.
        lte, now_lte [V] [V: OrderedWith<T>] (value: V) |it| it.and_then(|it| value.order(it)).is_some_and(Ordering::is_le);

        /// Whether it is one of these values.
        is_in, now_in [V, L] [V: EqualTo<T>, L: AsRef<[V]>] (values: L) |it| is_member(it, values.as_ref());

        /// Whether it is null or none of these values.
        not_in, now_not_in [V, L] [V: EqualTo<T>, L: AsRef<[V]>] (values: L) |it| !is_member(it, values.as_ref());

        /// Whether it has this part: a substring, an element of a list, or a key of a JSON object.
        contains, now_contains [N] [T: Contains<N>] (part: N) |it| it.is_some_and(|it| it.has(&part));

        /// Whether it is a string that starts so; case matters.
        starts_with, now_starts_with [P] [T: Text, P: AsRef<str>] (prefix: P)
            |it| it.and_then(Text::text).is_some_and(|text| text.starts_with(prefix.as_ref()));

        /// Whether it is a string that ends so; case matters.
        ends_with, now_ends_with [P] [T: Text, P: AsRef<str>] (suffix: P)
            |it| it.and_then(Text::text).is_some_and(|text| text.ends_with(suffix.as_ref()));

        /// Whether it is null.
        is_null, now_is_null [] [] () |it| it.is_none();

        /// Whether it is not null.
        is_not_null, now_is_not_null [] [] () |it| it.is_some();

        /// Whether it is truthy: not null, `false`, zero or empty.
        is_true, now_is_true [] [T: Truthy] () |it| it.is_some_and(Truthy::is_truthy);

        /// Whether it is falsy: null, `false`, zero or empty.
        is_false, now_is_false [] [T: Truthy] () |it| !it.is_some_and(Truthy::is_truthy);
    }
}

fn is_member<T, V: EqualTo<T>>(it: Option<&T>, values: &[V]) -> bool {
    it.is_some() && values.iter().any(|value| value.equals(it))
}

#[cfg(test)]
mod tests;
