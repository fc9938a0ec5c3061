//! Deliveries: one event on its way to one subscription.
//!
//! The executor runs the chunks that workers take from the queue. For each delivery the client makes one
//! attempt, the recorder writes down how it ended, and its consequences follow.

mod client;
mod consequences;
mod execute;
mod observer;

pub use crate::fanout::encode_body;
pub(crate) use client::{Client, ClientConfig};
pub(crate) use consequences::Consequences;
pub(crate) use execute::{Defaults, Executor};
pub(crate) use observer::Observers;
pub use observer::{DeliveryObserver, DeliveryReport};
