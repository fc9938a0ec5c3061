//! A change of a row.

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// The row was inserted.
    Create,
    /// The row was updated, possibly with the values that it had.
    Change,
    /// The row was deleted.
    Delete,
}

/// One change of a row, as filters see it.
///
/// # Examples
///
/// ```
/// use thorn_core::model::{Change, Op};
///
/// struct Article { title: String }
///
/// fn was_renamed(change: Change<'_, Article>) -> bool {
///     change.old.is_some_and(|old| old.title != change.new.title)
/// }
///
/// let (old, new) = (Article { title: "Draft".into() }, Article { title: "Thorns".into() });
/// assert!(was_renamed(Change { op: Op::Change, old: Some(&old), new: &new }));
/// assert!(!was_renamed(Change { op: Op::Create, old: None, new: &new }));
/// ```
#[derive(Debug)]
pub struct Change<'a, M> {
    /// The kind of the change.
    pub op: Op,
    /// The row before an update. `None` for other changes, and if no event of the model needs it.
    pub old: Option<&'a M>,
    /// The row after the change; for a deletion, the deleted row.
    pub new: &'a M,
}

impl<M> Clone for Change<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Change<'_, M> {}
