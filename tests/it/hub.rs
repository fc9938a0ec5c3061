//! The hub: topics, publishers, and what subscribers get. Row ids are those of the reference of the event engine.

mod deliveries;
mod ends;
mod fetch;
mod fixture;
mod guards;
mod publish;
mod topics;
mod versions;
