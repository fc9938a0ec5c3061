//! A receiver for tests, which keeps the requests that arrive.
//!
//! Applications can use it in their own tests, with the feature `testing`.

mod receiver;

pub use self::receiver::{Received, Receiver, Reply};
