//! [CloudEvents] 1.0: events of other programs that become thorn's, and thorn's events in that form.
//!
//! [CloudEvents]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md

mod attribute;
mod consent;
mod context;
mod event;
mod from_headers;
mod from_json;
mod message;

pub(crate) use self::{
    attribute::extension,
    consent::{REQUEST_ORIGIN, REQUEST_RATE},
    message::{Message, MessageData, STRUCTURED, percent_encoded},
};
pub use self::{
    attribute::{InvalidAttribute, InvalidCloudEvent},
    consent::{Consent, ConsentRefused},
    context::CloudContext,
    event::CloudEvent,
};
