//! Deliveries: one event sent to one recipient.
//!
//! The executor runs the chunks that workers take from the queue. For each delivery the client makes one
//! attempt, the recorder stores its result, and the executor then applies the consequences.

mod client;
mod consequences;
mod execute;
mod observer;

pub use crate::fanout::encode_body;
pub(crate) use client::{Client, ClientConfig, Content, Failure, Get, Got, Outgoing};
pub(crate) use consequences::{Consequences, Updates};
pub(crate) use execute::{Defaults, Executor};
pub(crate) use observer::Observers;
pub use observer::{DeliveryObserver, DeliveryReport};
