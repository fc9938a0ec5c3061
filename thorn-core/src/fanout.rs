//! The fan-out turns an event into signed deliveries and packs these into chunks.

mod chunk;
mod cloud_event;
mod encode;
mod marks;
mod pack;
mod recipient;
mod recipients;

pub(crate) use chunk::{Chunk, ChunkDelivery, ChunkEvent};
pub(crate) use cloud_event::CloudFacts;
pub use encode::encode_body;
pub(crate) use marks::FanOut;
pub(crate) use pack::{Packer, Row};
pub(crate) use recipient::Recipient;
pub(crate) use recipients::{FilterWork, recipient, recipients, tested};
