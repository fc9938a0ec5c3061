//! Parts for the tests of applications, with the feature `testing`: a receiver that keeps the requests that arrive,
//! and a net for writes that no event announces.

mod announced;
mod receiver;

pub use self::{
    announced::assert_announced,
    receiver::{Received, Receiver, Reply},
};
