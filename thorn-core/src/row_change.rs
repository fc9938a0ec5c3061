//! Changes of rows as database triggers note them, whoever makes them.
//!
//! A trigger writes a note into `thorn_row_change`, in the transaction of the change. A hook that has seen the
//! change deletes the note again, in the same transaction ([`seen`]). So the committed notes are exactly the
//! changes that went past the hooks, and no ids of transactions are compared. A rollback removes both.
//!
//! `thorn_watch` has a row for each watched table.

mod column_kind;
mod note;
mod operation;
mod seen;
mod trigger;
mod watched_table;

pub(crate) use column_kind::ColumnKind;
pub(crate) use note::{delete_notes, delete_notes_of, read_notes};
pub use operation::Operation;
pub(crate) use seen::{is_noted, seen};
pub(crate) use trigger::{create, drop, now, trigger_names};
pub(crate) use watched_table::WatchedTable;
