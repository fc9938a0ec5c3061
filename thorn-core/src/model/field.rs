//! The operators of `when` filters.

mod compare;
mod text;

pub use self::compare::{EqualTo, Null, OrderedWith, Truthy};
pub use self::text::{Contains, Text};

use std::cmp::Ordering;

/// A column before and after a change, as a `when` filter sees it.
///
/// `None` is SQL's null. For `old` it can also mean that there was no row before; filters treat both alike.
/// Every operator `x` has a transition `now_x`, which is true if `x` holds for the new value and didn't hold
/// for the old one.
///
/// Null equals only [`Null`] and `false`. It is a member of no list, and every ordering and string operator is
/// false for it. `eq(true)` is true for a truthy value: one that isn't null, `false`, zero or empty.
/// `eq(false)` is the opposite.
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
    /// The value after the change.
    pub new: Option<&'a T>,
}

impl<T> Clone for Field<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<'_, T> {}

/// Defines each operator and its transition by one test of a value that may be null.
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

        #[doc = concat!("Whether `", stringify!($name), "` is true now and wasn't before.")]
        #[must_use]
        pub fn $now<$($generics)*>(self $(, $arg: $type)?) -> bool where $($bounds)* {
            self.became(|$value| $test)
        }
    )*};
}

// Operands are passed by value, so that filters need no `&`. `eq` is an operator of filters, not of Rust.
#[allow(clippy::needless_pass_by_value, clippy::should_implement_trait)]
impl<'a, T> Field<'a, T> {
    /// The values of a column before and after a change.
    #[must_use]
    pub const fn new(old: Option<&'a T>, new: Option<&'a T>) -> Self {
        Self { old, new }
    }

    /// Whether the value differs from the one before. In a new row, this holds for every value except null.
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
        /// Whether the column equals this value. For a `bool`: whether the column is truthy or falsy.
        eq, now_eq [V] [V: EqualTo<T>] (value: V) |it| value.equals(it);

        /// Whether the column is null or differs from this value.
        ne, now_ne [V] [V: EqualTo<T>] (value: V) |it| !value.equals(it);

        /// Whether the column is greater than this value.
        gt, now_gt [V] [V: OrderedWith<T>] (value: V) |it| it.and_then(|it| value.order(it)).is_some_and(Ordering::is_gt);

        /// Whether the column is greater than this value or equal to it.
        gte, now_gte [V] [V: OrderedWith<T>] (value: V) |it| it.and_then(|it| value.order(it)).is_some_and(Ordering::is_ge);

        /// Whether the column is less than this value.
        lt, now_lt [V] [V: OrderedWith<T>] (value: V) |it| it.and_then(|it| value.order(it)).is_some_and(Ordering::is_lt);

        /// Whether the column is less than this value or equal to it.
        lte, now_lte [V] [V: OrderedWith<T>] (value: V) |it| it.and_then(|it| value.order(it)).is_some_and(Ordering::is_le);

        /// Whether the column is one of these values.
        is_in, now_in [V, L] [V: EqualTo<T>, L: AsRef<[V]>] (values: L) |it| is_member(it, values.as_ref());

        /// Whether the column is null or none of these values.
        not_in, now_not_in [V, L] [V: EqualTo<T>, L: AsRef<[V]>] (values: L) |it| !is_member(it, values.as_ref());

        /// Whether the column contains this part: a substring, an element of a list, or a key of a JSON object.
        contains, now_contains [N] [T: Contains<N>] (part: N) |it| it.is_some_and(|it| it.has(&part));

        /// Whether the column is a string with this prefix. Case matters.
        starts_with, now_starts_with [P] [T: Text, P: AsRef<str>] (prefix: P)
            |it| it.and_then(Text::text).is_some_and(|text| text.starts_with(prefix.as_ref()));

        /// Whether the column is a string with this suffix. Case matters.
        ends_with, now_ends_with [P] [T: Text, P: AsRef<str>] (suffix: P)
            |it| it.and_then(Text::text).is_some_and(|text| text.ends_with(suffix.as_ref()));

        /// Whether the column is null.
        is_null, now_is_null [] [] () |it| it.is_none();

        /// Whether the column is not null.
        is_not_null, now_is_not_null [] [] () |it| it.is_some();

        /// Whether the column is truthy: not null, `false`, zero or empty.
        is_true, now_is_true [] [T: Truthy] () |it| it.is_some_and(Truthy::is_truthy);

        /// Whether the column is falsy: null, `false`, zero or empty.
        is_false, now_is_false [] [T: Truthy] () |it| !it.is_some_and(Truthy::is_truthy);
    }
}

fn is_member<T, V: EqualTo<T>>(it: Option<&T>, values: &[V]) -> bool {
    it.is_some() && values.iter().any(|value| value.equals(it))
}

#[cfg(test)]
mod tests;
