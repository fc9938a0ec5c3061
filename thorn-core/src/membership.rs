//! The workers that are alive, and the share of each in what all of them together may do.
//!
//! Each worker has a row in `thorn_worker` and says every few seconds that it is alive. It divides a limit by the
//! workers that it counts as alive. Workers don't learn of each other at the same moment, so each also says whom it
//! counts. A worker takes a larger share only once all say the same.

mod row;
mod share;
mod view;

pub(crate) use row::WorkerRow;
pub(crate) use share::Membership;
pub(crate) use view::View;
