//! Parts for the tests of applications, with the feature `testing`: a receiver that keeps the requests that arrive,
//! names that exist in this process only, and a net for writes that no event announces.

mod announced;
mod receiver;

pub use crate::guard::TestNames;

pub use self::{
    announced::assert_announced,
    receiver::{Received, Receiver, Reply},
};
