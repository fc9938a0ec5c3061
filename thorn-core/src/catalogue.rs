//! The catalogue: the types of events that somebody has declared, each with an id.
//!
//! Each owner has names of their own, and so have operators. A name needn't be declared for events of that name to be
//! sent. [`Webhooks`](crate::webhook::Webhooks) declares event types and links webhooks with them.

mod entry;
mod store;

pub use entry::{EventType, Listed};
pub(crate) use store::{delete, find, find_all, find_named, insert, list, rename};
