//! An event of thorn's as a CloudEvent, in both modes of HTTP.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, value::RawValue};

/// The media type of an event in the JSON format.
pub(crate) const STRUCTURED: &str = "application/cloudevents+json";

/// Characters that the HTTP binding of CloudEvents 1.0 (section 3.1.3.2) encodes in a header's value,
/// besides everything that isn't ASCII. Since `%` is encoded too, decoding gives back the exact text.
const NOT_PLAIN: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// A text as the value of a header.
pub(crate) fn percent_encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, NOT_PLAIN).into()
}

/// The data of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MessageData<'a> {
    Json(&'a RawValue),
    Bytes(&'a [u8]),
}

impl<'a> MessageData<'a> {
    /// The data as the body of the binary mode.
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Json(json) => json.get().as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// An event as a CloudEvent.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) source: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) time: Option<Cow<'a, str>>,
    pub(crate) dataschema: Option<&'a str>,
    pub(crate) media_type: Option<&'a str>,
    pub(crate) extensions: Cow<'a, BTreeMap<String, Value>>,
    pub(crate) data: MessageData<'a>,
}

impl Message<'_> {
    /// The attributes that are texts, without the media type.
    fn attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let required = [("specversion", "1.0"), ("id", &*self.id), ("source", self.source), ("type", self.event_type)];
        let optional =
            [("subject", self.subject.as_deref()), ("time", self.time.as_deref()), ("dataschema", self.dataschema)];
        required.into_iter().chain(optional.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }

    /// The event in the JSON format.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The headers of the binary mode, and the body. A value that can't stand in a header is left out.
    pub(crate) fn headers(&self) -> HeaderMap {
        let texts = self.attributes().map(|(name, value)| (name, Cow::from(value)));
        let extensions = self.extensions.iter().map(|(name, value)| (name.as_str(), text(value)));
        let encoded = texts.chain(extensions).filter_map(|(name, value)| {
            let name = HeaderName::try_from(format!("ce-{name}")).ok()?;
            Some((name, HeaderValue::from_str(&percent_encoded(&value)).ok()?))
        });
        encoded.collect()
    }
}

/// The value of an attribute as a text.
fn text(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Cow::from)
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.attributes() {
            map.serialize_entry(name, value)?;
        }
        if let Some(media_type) = self.media_type {
            map.serialize_entry("datacontenttype", media_type)?;
        }
        for (name, value) in &*self.extensions {
            map.serialize_entry(name, value)?;
        }
        match self.data {
            MessageData::Json(json) => map.serialize_entry("data", json)?,
            MessageData::Bytes([]) => {}
            MessageData::Bytes(bytes) => map.serialize_entry("data_base64", &STANDARD.encode(bytes))?,
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::CloudEvent, *};

    fn message(data: MessageData<'_>) -> Message<'_> {
        let extensions = json!({ "n": 7, "sender": "Zoë" });
        Message {
            id: "1".into(),
            source: "/a b",
            event_type: "user.é",
            subject: Some("100 %".into()),
            time: Some("2022-04-07T21:39:13Z".into()),
            dataschema: None,
            media_type: Some("application/json"),
            extensions: Cow::Owned(extensions.as_object().cloned().unwrap_or_default().into_iter().collect()),
            data,
        }
    }

    #[test]
    fn ce7_what_is_written_in_either_mode_is_read_back() {
        let json: &RawValue = serde_json::from_str(r#"{"z":1.10}"#).unwrap();
        let text = message(MessageData::Json(json)).to_json().unwrap();
        let structured = CloudEvent::from_json(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(structured.data, r#"{"z":1.10}"#);

        let mut headers = message(MessageData::Json(json)).headers();
        headers.insert("content-type", "application/json".parse().unwrap());
        let mut binary = CloudEvent::from_headers(&headers, r#"{"z":1.10}"#.into()).unwrap();
        assert_eq!(binary.context.extensions["n"], "7", "a header has no numbers");
        binary.context.extensions.insert("n".into(), json!(7));
        assert_eq!(binary, structured);
        assert_eq!(headers["ce-subject"], "100%20%25");
    }

    #[test]
    fn ce7_bytes_are_base64_and_no_bytes_are_no_member() {
        let with = |bytes| message(MessageData::Bytes(bytes)).to_json().unwrap();
        assert!(with(b"\0hi").ends_with(r#","data_base64":"AGhp"}"#), "{}", with(b"\0hi"));
        assert!(!with(b"").contains("data_base64") && !with(b"").contains("\"data\""));
    }
}
