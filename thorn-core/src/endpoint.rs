//! Endpoints: the URLs that deliveries go to, and what this process knows about each.

mod lane;

pub(crate) use lane::{Entry, Lanes, Permit};
