//! The form in which an event leaves on a stream.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use super::logged_event::{LoggedEvent, Raw};
use crate::rendered::{Members, RawBody, RawHead};

/// The event as one line of JSON without a newline: `cursor`, `id`, `event`, `ref`, `sender`, `time` and `data`, and
/// under `extra` the further members of the envelope. Values keep their digits and the order of their keys.
///
/// A raw event has `type`, its media type, and its bytes as `data` if they are JSON, otherwise as `text` or `base64`.
///
/// An envelope that can't be read leaves as `text`, so that the reader still learns of the event.
pub(crate) fn record(event: &LoggedEvent) -> String {
    if let Some(raw) = &event.raw {
        return raw_record(event, raw);
    }
    let body = one_line(&event.body);
    let enveloped = serde_json::from_str::<Members>(&body);
    let record = match &enveloped {
        Ok(envelope) => Record { event, content: Content::Envelope(envelope) },
        Err(error) => {
            tracing::error!(event.id = %event.id, %error, "the body of an event can't be read; streams show it as text");
            Record { event, content: Content::Text(&body) }
        }
    };
    // Texts and JSON can always be written as JSON.
    serde_json::to_string(&record).unwrap_or_default()
}

fn raw_record(event: &LoggedEvent, Raw { head, body }: &Raw) -> String {
    let nothing = RawBody::default();
    let RawBody { media_type, bytes } = body.as_ref().unwrap_or(&nothing);
    let text = std::str::from_utf8(bytes).ok();
    let line = text.filter(|_| head.is_json).map(one_line);
    let json = line.as_ref().and_then(|line| serde_json::from_str::<&RawValue>(line).ok());
    let bytes = match (json, text) {
        (Some(json), _) => Bytes::Json(json),
        (None, Some(text)) => Bytes::Text(text),
        (None, None) => Bytes::Base64(STANDARD.encode(bytes)),
    };
    let content = Content::Raw { raw: head, media_type: media_type.as_deref(), bytes: &bytes };
    serde_json::to_string(&Record { event, content }).unwrap_or_default()
}

struct Record<'a> {
    event: &'a LoggedEvent,
    content: Content<'a>,
}

enum Content<'a> {
    Envelope(&'a Members),
    Text(&'a str),
    Raw { raw: &'a RawHead, media_type: Option<&'a str>, bytes: &'a Bytes<'a> },
}

/// The bytes of a raw event, as JSON can hold them.
enum Bytes<'a> {
    Json(&'a RawValue),
    Text(&'a str),
    Base64(String),
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { event, content } = self;
        let member = |name| match content {
            Content::Envelope(envelope) => envelope.get(name).map(Member::Json),
            Content::Text(_) => None,
            Content::Raw { raw, .. } => match name {
                "ref" => raw.reference.as_deref().map(Member::Text),
                _ => raw.sender.as_deref().map(Member::Text),
            },
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("cursor", &Text(&event.cursor))?;
        map.serialize_entry("id", &event.id)?;
        map.serialize_entry("event", &event.name)?;
        map.serialize_entry("ref", &member("ref"))?;
        map.serialize_entry("sender", &member("sender"))?;
        map.serialize_entry("time", &event.created_at)?;
        match content {
            Content::Envelope(envelope) => {
                map.serialize_entry("data", &envelope.get("data"))?;
                if envelope.extra().next().is_some() {
                    map.serialize_entry("extra", &Extra(envelope))?;
                }
            }
            Content::Text(text) => map.serialize_entry("text", text)?,
            Content::Raw { media_type, bytes, .. } => {
                map.serialize_entry("type", media_type)?;
                match bytes {
                    Bytes::Json(json) => map.serialize_entry("data", json)?,
                    Bytes::Text(text) => map.serialize_entry("text", text)?,
                    Bytes::Base64(base64) => map.serialize_entry("base64", base64)?,
                }
            }
        }
        map.end()
    }
}

/// The reference or the sender.
#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

/// A value as its text.
struct Text<'a, T>(&'a T);

impl<T: std::fmt::Display> Serialize for Text<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// The members of an envelope besides its four.
struct Extra<'a>(&'a Members);

impl Serialize for Extra<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members: Vec<(&str, &RawValue)> = self.0.extra().collect();
        serializer.collect_map(members)
    }
}

/// JSON without line breaks. Inside a string they are escaped, so those in the text are only white space.
fn one_line(json: &str) -> Cow<'_, str> {
    if json.contains(['\n', '\r']) { Cow::Owned(json.replace(['\n', '\r'], " ")) } else { Cow::Borrowed(json) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{log::Cursor, timestamp::Timestamp};

    fn event(body: &str) -> LoggedEvent {
        let id = "018f3c2a-0000-7000-8000-00009f3a00c7".parse().unwrap();
        LoggedEvent {
            cursor: Cursor::of(7, id),
            id,
            name: "a.b".into(),
            sender: Some("1".into()),
            broadcast: false,
            internal: false,
            body: body.into(),
            raw: None,
            created_at: Timestamp::from_millis(1_649_367_553_000),
        }
    }

    const HEAD: &str = r#"{"cursor":"7-9f3a00c7","id":"018f3c2a-0000-7000-8000-00009f3a00c7","event":"a.b""#;
    const TIME: &str = r#""time":"2022-04-07T21:39:13.000Z""#;

    #[test]
    fn a_record_has_the_envelope_with_its_digits_and_further_members_under_extra() {
        let body = r#"{"event":"a.b","ref":"/a/1","sender":"alice","data":{"z":1.50,"a":[]},"previous":{"z":1.0}}"#;
        let rest = r#""data":{"z":1.50,"a":[]},"extra":{"previous":{"z":1.0}}}"#;
        assert_eq!(record(&event(body)), format!(r#"{HEAD},"ref":"/a/1","sender":"alice",{TIME},{rest}"#));
        let body = r#"{"event":"a.b","ref":null,"sender":null,"data":1}"#;
        assert_eq!(record(&event(body)), format!(r#"{HEAD},"ref":null,"sender":null,{TIME},"data":1}}"#));
    }

    #[test]
    fn a_record_is_one_line_even_if_the_application_s_raw_json_is_not() {
        let body = "{\"event\":\"a.b\",\"ref\":null,\"sender\":null,\"data\":{\"a\":\r\n\"x\\ny\"}}";
        let line = record(&event(body));
        assert!(!line.contains(['\n', '\r']), "{line}");
        assert!(line.ends_with(r#""data":{"a":  "x\ny"}}"#), "{line}");
    }

    #[test]
    fn a_raw_event_shows_json_as_data_text_as_text_and_other_bytes_as_base64() {
        let record_of = |media_type: Option<&str>, bytes: &'static [u8]| {
            let body = RawBody { media_type: media_type.map(str::to_owned), bytes: bytes.into() };
            let head = body.head(Some("/a/1".into()), None);
            record(&LoggedEvent { raw: Some(Raw { head, body: Some(body) }), ..event("") })
        };
        let line = |rest: &str| format!(r#"{HEAD},"ref":"/a/1","sender":null,{TIME},"type":{rest}}}"#);
        for (media_type, bytes, rest) in [
            (
                Some("application/json"),
                &b"{\"z\":1.50,\n\"a\":[]}"[..],
                r#""application/json","data":{"z":1.50, "a":[]}"#,
            ),
            (Some("application/json"), b"{broken", r#""application/json","text":"{broken""#),
            (Some("text/plain"), b"1\n2", r#""text/plain","text":"1\n2""#),
            (Some("image/png"), b"\x89PNG\0", r#""image/png","base64":"iVBORwA=""#),
            (None, b"", r#"null,"text":"""#),
        ] {
            assert_eq!(record_of(media_type, bytes), line(rest), "{media_type:?} {bytes:?}");
        }
    }

    #[test]
    fn a_body_that_cannot_be_read_is_shown_as_text() {
        let line = record(&event("broken\n"));
        assert_eq!(line, format!(r#"{HEAD},"ref":null,"sender":null,{TIME},"text":"broken "}}"#));
    }
}
