//! The log: committed events in an order that never changes.
//!
//! Ids of events are made before the commit. A transaction that began earlier may commit later, and a reader that has
//! gone past its id would never see its events. Therefore a sequencer numbers events after their commit, one
//! process at a time, and readers follow these positions.
//!
//! The log is switched on with [`ThornBuilder::event_log`](crate::ThornBuilder::event_log). Until then nobody pays for it.

mod bounds;
mod consumer;
mod cursor;
mod logged_event;
mod number;
mod page;
mod record;
mod retention;
mod switch;

pub(crate) use bounds::{Located, bounds, is_on, locate};
pub use consumer::{Acknowledged, Consumer, Consumers};
pub use cursor::{Cursor, ParseCursorError};
pub(crate) use logged_event::LoggedEvent;
pub(crate) use number::{BATCH, number};
pub(crate) use page::{page_after, page_before};
pub(crate) use record::record;
pub(crate) use retention::note_deletion;
pub(crate) use switch::switch_on;
