//! The hub: topics, publishers, subscribers, and what subscribers get. Row ids are those of the reference of the event
//! engine.

mod deliveries;
mod dialects;
mod ends;
mod fetch;
mod fixture;
mod guards;
mod leases;
mod limits;
pub(crate) mod programs;
mod publish;
mod requests;
mod running;
mod subscriber;
mod testsuite;
mod topics;
mod validator;
mod verification;
mod versions;
