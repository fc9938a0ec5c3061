//! The JSON format: one event, or a batch of them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, value::RawValue};

use super::{
    attribute::{Errors, InvalidAttribute, InvalidCloudEvent},
    event::CloudEvent,
};

const DATA: &str = "data";
const BASE64: &str = "data_base64";
const MEDIA_TYPE: &str = "datacontenttype";
const JSON: &str = "application/json";

impl CloudEvent {
    /// Reads an event in the JSON format. Data that is JSON stays as it was written.
    ///
    /// # Errors
    ///
    /// [`InvalidCloudEvent`] with every attribute that is missing or wrong.
    pub fn from_json(json: &RawValue) -> Result<Self, InvalidCloudEvent> {
        let mut errors = Errors::default();
        let Ok(mut members) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(json.get()) else {
            let reason = "Must be a JSON object.".to_owned();
            return Err(InvalidCloudEvent { errors: vec![InvalidAttribute { attribute: "event".to_owned(), reason }] });
        };
        // Data that is null is none.
        members.retain(|_, value| value.get() != "null");
        let (data, base64) = (members.remove(DATA), members.remove(BASE64));
        let mut given: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in members {
            match serde_json::from_str(value.get()) {
                Ok(value) => drop(given.insert(name, value)),
                Err(error) => errors.add(&name, format!("Can't be read: {error}.")),
            }
        }
        let media_type = match given.remove(MEDIA_TYPE) {
            None => None,
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            Some(_) => {
                errors.add(MEDIA_TYPE, "Must be a media type.");
                None
            }
        };
        let (media_type, data) = match (data, base64) {
            (None, None) => (media_type, Bytes::new()),
            (Some(data), None) => with_data(media_type, &data),
            (None, Some(text)) => {
                let bytes = serde_json::from_str::<String>(text.get()).ok().and_then(|text| STANDARD.decode(text).ok());
                if bytes.is_none() {
                    errors.add(BASE64, "Must be base64.");
                }
                (media_type, bytes.unwrap_or_default().into())
            }
            (Some(_), Some(_)) => {
                errors.add(BASE64, "An event has either `data` or `data_base64`.");
                (media_type, Bytes::new())
            }
        };
        Self::of(given, media_type, data, errors)
    }
}

/// The media type and the bytes of the member `data`. Text of another type than JSON is a string there.
fn with_data(media_type: Option<String>, data: &RawValue) -> (Option<String>, Bytes) {
    let is_json = media_type.as_deref().is_none_or(crate::media_type::is_json);
    let text = if is_json { None } else { serde_json::from_str::<String>(data.get()).ok() };
    let bytes = text.unwrap_or_else(|| data.get().to_owned());
    (Some(media_type.unwrap_or_else(|| JSON.to_owned())), bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<CloudEvent, InvalidCloudEvent> {
        CloudEvent::from_json(serde_json::from_str(json).unwrap())
    }

    fn with(members: &str) -> Result<CloudEvent, InvalidCloudEvent> {
        read(&format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"a.b",{members}}}"#))
    }

    #[test]
    fn ce2_data_that_is_json_keeps_its_text_and_base64_becomes_bytes() {
        for (members, media_type, data) in [
            (r#""data":{"z":1.10, "a":12345678901234567890}"#, Some(JSON), r#"{"z":1.10, "a":12345678901234567890}"#),
            (r#""data":"x""#, Some(JSON), r#""x""#),
            (r#""datacontenttype":"a/b+json","data":[1]"#, Some("a/b+json"), "[1]"),
            (r#""datacontenttype":"text/xml","data":"<a b=\"é\"/>""#, Some("text/xml"), "<a b=\"é\"/>"),
            (r#""datacontenttype":"text/plain","data":7"#, Some("text/plain"), "7"),
            (r#""data_base64":"aGk=""#, None, "hi"),
            (r#""datacontenttype":"image/png","data_base64":"aGk=""#, Some("image/png"), "hi"),
            (r#""data":null"#, None, ""),
            (r#""subject":null"#, None, ""),
        ] {
            let event = with(members).unwrap();
            assert_eq!(event.media_type.as_deref(), media_type, "{members}");
            assert_eq!(event.data, data, "{members}");
        }
        let event = with(r#""x":"y","n":7,"b":false"#).unwrap();
        assert_eq!(serde_json::json!(event.context.extensions).to_string(), r#"{"b":false,"n":7,"x":"y"}"#);
    }

    #[test]
    fn ce4_what_is_wrong_is_named() {
        let named = |read: Result<CloudEvent, InvalidCloudEvent>| {
            read.unwrap_err().errors.into_iter().map(|error| error.attribute).collect::<Vec<_>>()
        };
        assert_eq!(named(read("[]")), ["event"]);
        assert_eq!(named(read("{}")), ["specversion", "id", "source", "type"]);
        assert_eq!(
            named(read(r#"{"specversion":1,"id":7,"source":"","type":null}"#)),
            ["specversion", "id", "source", "type"]
        );
        for (members, attribute) in [
            (r#""data":1,"data_base64":"aGk=""#, BASE64),
            (r#""data_base64":"?""#, BASE64),
            (r#""data_base64":7"#, BASE64),
            (r#""datacontenttype":7"#, MEDIA_TYPE),
            (r#""time":"now""#, "time"),
            (r#""x":{}"#, "x"),
            (r#""X":"y""#, "X"),
        ] {
            assert_eq!(named(with(members)), [attribute], "{members}");
        }
    }
}
