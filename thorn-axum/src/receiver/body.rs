//! The body of a delivery.

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use thorn_core::subscription::ContentType;
use url::form_urlencoded;

use crate::http::text;

/// The body of a delivery: `{"event", "ref", "sender", "data"}`. Other senders of Standard Webhooks use
/// `{"type", "data"}`.
#[derive(Deserialize)]
pub(super) struct Body<T> {
    #[serde(alias = "type")]
    pub(super) event: String,
    #[serde(default, rename = "ref")]
    pub(super) reference: Option<String>,
    #[serde(default, deserialize_with = "label")]
    pub(super) sender: Option<String>,
    pub(super) data: T,
}

/// Reads the body as a form or as JSON, depending on the content type.
pub(super) fn read<T: DeserializeOwned>(headers: &HeaderMap, raw: &[u8]) -> Result<Body<T>, serde_json::Error> {
    let media_type = text(headers, CONTENT_TYPE.as_str()).and_then(|value| value.split(';').next());
    match media_type.map(str::parse) {
        Some(Ok(ContentType::Form)) => form(raw),
        _ => serde_json::from_slice(raw),
    }
}

/// Reads a form. Its `data` field holds a string as it is and every other value as JSON.
fn form<T: DeserializeOwned>(raw: &[u8]) -> Result<Body<T>, serde_json::Error> {
    let mut fields = serde_json::Map::new();
    let mut data = String::new();
    for (name, value) in form_urlencoded::parse(raw) {
        if name == "data" {
            data = value.into_owned();
        } else if !value.is_empty() {
            fields.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }
    fields.insert("data".to_owned(), Value::Null);
    let Body::<()> { event, reference, sender, data: () } = serde_json::from_value(Value::Object(fields))?;
    // `5` may be a number or a string. `T` decides: JSON is tried first, then the text itself.
    let data = match serde_json::from_str(&data) {
        Ok(data) => data,
        Err(error) => T::deserialize(Value::String(data)).map_err(|_| error)?,
    };
    Ok(Body { event, reference, sender, data })
}

/// Reads the sender, which Python's Thorn may send as a number.
fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::String(label)) => Some(label),
        Some(other) => Some(other.to_string()),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;
    use thorn_core::delivery::encode_body;

    use super::*;

    #[test]
    fn both_forms_give_the_same_event() {
        for data in [json!({ "id": 1, "tags": ["ü", null] }), json!("plain & text"), json!(7), json!([])] {
            let json = json!({ "event": "a.b", "ref": "/a/1", "sender": null, "data": data }).to_string();
            for content_type in ContentType::ALL {
                let encoded = encode_body(content_type, &json).unwrap();
                let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type.as_str()))]);
                let body: Body<Value> = read(&headers, encoded.as_bytes()).unwrap();
                assert_eq!((body.event.as_str(), body.reference.as_deref()), ("a.b", Some("/a/1")), "{content_type}");
                assert_eq!((body.sender, body.data), (None, data.clone()), "{content_type}");
            }
        }
    }

    #[test]
    fn other_senders_are_understood() {
        let headers = HeaderMap::new();
        let body: Body<Value> = read(&headers, br#"{"type":"a.b","timestamp":"now","data":{}}"#).unwrap();
        assert_eq!(body.event, "a.b");
        let body: Body<Value> = read(&headers, br#"{"event":"a.b","sender":7,"data":{}}"#).unwrap();
        assert_eq!(body.sender.as_deref(), Some("7"));
        assert!(read::<Value>(&headers, b"{}").is_err());
    }
}
