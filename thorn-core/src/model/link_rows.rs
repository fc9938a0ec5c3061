//! Rows of a junction, as the functions that announce links pass them on.

use std::{any::TypeId, collections::HashMap};

use sea_orm::Value;

/// The rows of a junction that one call inserted and deleted.
#[doc(hidden)]
#[derive(Debug)]
pub struct LinkRows<'a, M> {
    pub(super) removed: &'a [M],
    pub(super) added: &'a [M],
    /// The side whose links were all removed by `links::clear`.
    cleared: Option<TypeId>,
    /// Whether the hooks of one nested save may report more rows.
    pub(super) is_part: bool,
}

/// Values of a junction's row by column name, before the row is inserted.
#[doc(hidden)]
pub type LinkValues = HashMap<String, Value>;

impl<M> Clone for LinkRows<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for LinkRows<'_, M> {}

impl<'a, M> LinkRows<'a, M> {
    /// All rows of a call.
    pub(super) const fn new(removed: &'a [M], added: &'a [M]) -> Self {
        Self { removed, added, cleared: None, is_part: false }
    }

    /// All links of a row of `A`, which were cleared.
    pub(super) fn cleared_by<A: 'static>(removed: &'a [M]) -> Self {
        Self { cleared: Some(TypeId::of::<A>()), ..Self::new(removed, &[]) }
    }

    /// Rows of one hook. Other hooks of the same nested save may follow.
    pub(super) const fn part_of_save(removed: &'a [M], added: &'a [M]) -> Self {
        Self { is_part: true, ..Self::new(removed, added) }
    }

    /// Whether all links of a row of `A` were cleared.
    pub(super) fn is_cleared_by<A: 'static>(&self) -> bool {
        self.cleared == Some(TypeId::of::<A>())
    }
}
