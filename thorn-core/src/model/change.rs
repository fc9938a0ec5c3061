//! What happened to a row.

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// The row was inserted.
    Create,
    /// The row was updated, be it with the values it had.
    Change,
    /// The row was deleted.
    Delete,
}

/// One change of a row, as filters see it.
#[derive(Debug)]
pub struct Change<'a, M> {
    /// What was done.
    pub op: Op,
    /// The row before. Only of an update, and only if some event of the model asks for it.
    pub old: Option<&'a M>,
    /// The row after; of a deletion the row that is gone.
    pub new: &'a M,
}

impl<M> Clone for Change<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Change<'_, M> {}
