//! For tests of applications and of thorn itself: a receiver that shows what arrived.

mod receiver;

pub use receiver::{Received, Receiver, Reply};
