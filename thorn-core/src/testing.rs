//! For tests of applications and of thorn itself: a receiver that shows what arrived.

mod receiver;

pub use self::receiver::{Received, Receiver, Reply};
