//! The body of a delivery.

use std::collections::HashSet;

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use thorn_core::subscription::ContentType;
use url::form_urlencoded;

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

/// The reason why a signed body isn't the expected event.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the header `Content-Type` says {said}, but the signed body is {found}")]
    OtherForm { said: &'static str, found: &'static str },
    #[error("the form has the field `{}` twice", .0.escape_debug())]
    Repeated(String),
    #[error(transparent)]
    Unreadable(#[from] serde_json::Error),
}

/// Reads the body as a form or as JSON. The signed bytes decide which it is, because a signature doesn't cover the
/// header `Content-Type`. A header that names the other form is refused.
pub(super) fn read<T: DeserializeOwned>(headers: &HeaderMap, raw: &[u8]) -> Result<Body<T>, BodyError> {
    let found = if is_form(raw) { ContentType::Form } else { ContentType::Json };
    let said = headers.get_all(CONTENT_TYPE).iter().find_map(|value| named(value.to_str().ok()?));
    match (said, found) {
        (Some(said), found) if said != found => {
            Err(BodyError::OtherForm { said: said.as_str(), found: found.as_str() })
        }
        (_, ContentType::Form) => form(raw),
        _ => Ok(serde_json::from_slice(raw)?),
    }
}

/// Whether the bytes can only be a form. A form has `=` and encodes white space, quotes and brackets. JSON with a
/// member or a text has at least one of these.
fn is_form(raw: &[u8]) -> bool {
    raw.contains(&b'=') && raw.iter().all(|byte| byte.is_ascii_graphic() && !br#""{}[]<>\"#.contains(byte))
}

/// The form of a body that a media type names. `None` for a media type that is neither JSON nor a form.
fn named(value: &str) -> Option<ContentType> {
    let media_type = value.split(';').next()?.trim().to_ascii_lowercase();
    match media_type.parse() {
        Ok(known) => Some(known),
        Err(_) if media_type.ends_with("+json") => Some(ContentType::Json),
        Err(_) => None,
    }
}

/// Reads a form. Its `data` field holds a string as it is and every other value as JSON. A form has each field once:
/// two programs could otherwise read two events from the same bytes.
fn form<T: DeserializeOwned>(raw: &[u8]) -> Result<Body<T>, BodyError> {
    let mut fields = serde_json::Map::new();
    let mut data = String::new();
    let mut names = HashSet::new();
    for (name, value) in form_urlencoded::parse(raw) {
        if !names.insert(name.clone()) {
            return Err(BodyError::Repeated(name.into_owned()));
        }
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

    const FORM: &str = "application/x-www-form-urlencoded";

    fn with(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    #[test]
    fn the_signed_bytes_decide_whether_a_body_is_json_or_a_form() {
        let body = json!({ "event": "a.b", "data": { "title": "&event=stolen&data=1&" } }).to_string();
        let form = "event=a.b&ref=&sender=&data=%7B%22title%22%3A1%7D";
        for (headers, raw) in [
            (HeaderMap::new(), body.as_str()),
            (with("application/json; charset=utf-8"), &body),
            (with("application/CloudEvents+JSON"), &body),
            (with("text/plain"), &body),
            (HeaderMap::new(), form),
            (with("Application/X-WWW-Form-URLEncoded;charset=utf-8"), form),
        ] {
            let read: Body<Value> = read(&headers, raw.as_bytes()).unwrap();
            assert_eq!(read.event, "a.b", "{headers:?}");
        }
    }

    #[test]
    fn a_header_that_names_another_form_than_the_signed_bytes_is_refused() {
        let body = json!({ "event": "a.b", "data": { "title": "&event=stolen&data=1&" } }).to_string();
        let list = r#"["&event=stolen&data=1"]"#;
        let mut both = with("text/plain");
        both.append(CONTENT_TYPE, HeaderValue::from_static(FORM));
        for (headers, raw) in [
            (with(FORM), body.as_str()),
            (both, &body),
            (with(FORM), list),
            (with("application/json"), "event=a.b&data=1"),
            (with("application/vnd.x+json"), "event=a.b&data=1"),
        ] {
            let error = read::<Value>(&headers, raw.as_bytes()).map(|body| body.event).unwrap_err();
            assert!(matches!(error, BodyError::OtherForm { .. }), "{headers:?}: {error}");
        }
    }

    #[test]
    fn a_form_has_each_field_once() {
        for raw in [
            "event=a.b&data=1&event=c.d",
            "event=a.b&data=1&data=2",
            "event=a.b&data=1&sender=&sender=x",
            "event=a.b&%65vent=c.d&data=1",
            "event=a.b&data=1&z=1&z=1",
        ] {
            let error = read::<Value>(&with(FORM), raw.as_bytes()).map(|body| body.event).unwrap_err();
            assert!(matches!(error, BodyError::Repeated(_)), "{raw}: {error}");
        }
        assert!(read::<Value>(&with(FORM), b"event=a.b&type=c.d&data=1").is_err());
        assert!(read::<Value>(&with(FORM), b"event=a.b&data=1").is_ok());
        let twice = br#"{"event":"a.b","data":1,"event":"c.d"}"#;
        assert!(read::<Value>(&HeaderMap::new(), twice).is_err());
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
