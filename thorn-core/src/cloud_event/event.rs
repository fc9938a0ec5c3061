//! An event as it was given.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::{
    attribute::{Errors, InvalidCloudEvent, check_name, check_value},
    context::CloudContext,
};
use crate::{media_type::is_well_formed, timestamp::Timestamp};

/// The only version of the specification.
const VERSION: &str = "1.0";

/// Extensions that one event may have.
const MAX_EXTENSIONS: usize = 64;

/// Bytes that they may have together.
const MAX_EXTENSION_BYTES: usize = 16 * 1024;

/// An event that another program describes with CloudEvents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    /// The kind of event.
    pub event_type: String,
    /// Its other attributes.
    pub context: CloudContext,
    /// The media type of the data. `None` if nothing is said about it.
    pub media_type: Option<String>,
    /// The data, which may be empty.
    pub data: Bytes,
}

impl CloudEvent {
    /// Puts an event together. `given` has its attributes without `datacontenttype`.
    pub(super) fn of(
        mut given: BTreeMap<String, Value>,
        media_type: Option<String>,
        data: Bytes,
        mut errors: Errors,
    ) -> Result<Self, InvalidCloudEvent> {
        // An attribute that is null is one that isn't there.
        given.retain(|_, value| !value.is_null());
        match given.remove("specversion") {
            None => errors.missing("specversion"),
            Some(Value::String(version)) if version == VERSION => {}
            Some(_) => errors.add("specversion", "Must be `1.0`."),
        }
        let mut text = |name: &str| match given.remove(name) {
            None => None,
            Some(Value::String(text)) if text.is_empty() => {
                errors.add(name, "Must not be empty.");
                Some(text)
            }
            Some(value @ Value::String(_)) => {
                if let Err(reason) = check_value(&value) {
                    errors.add(name, reason);
                }
                value.as_str().map(str::to_owned)
            }
            Some(_) => {
                errors.add(name, "Must be a string.");
                Some(String::new())
            }
        };
        let [id, source, event_type, subject, time, dataschema] =
            ["id", "source", "type", "subject", "time", "dataschema"].map(&mut text);
        for (name, value) in [("id", &id), ("source", &source), ("type", &event_type)] {
            if value.is_none() {
                errors.missing(name);
            }
        }
        if time.as_ref().is_some_and(|time| !time.is_empty() && time.parse::<Timestamp>().is_err()) {
            errors.add("time", "Must be a time such as 2022-04-07T21:39:13Z.");
        }
        if media_type.as_deref().is_some_and(|media_type| !is_well_formed(media_type)) {
            errors.add("datacontenttype", "Must be a media type.");
        }
        let texts = given.values().map(|value| value.as_str().map_or(0, str::len));
        if given.len() > MAX_EXTENSIONS || texts.sum::<usize>() > MAX_EXTENSION_BYTES {
            errors.add("extensions", "Must be at most 64, with at most 16 KiB.");
            given.clear();
        }
        for (name, value) in &given {
            if let Err(reason) = check_name(name).and_then(|()| check_value(value)) {
                errors.add(name, reason);
            }
        }
        let (id, source) = (id.unwrap_or_default(), source.unwrap_or_default());
        let context = CloudContext { id, source, subject, time, dataschema, extensions: given };
        errors.into_result(Self { event_type: event_type.unwrap_or_default(), context, media_type, data })
    }
}
