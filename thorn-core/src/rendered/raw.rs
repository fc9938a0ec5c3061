//! Raw bodies: bytes and a media type that Thorn stores, signs and sends as they are.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    cloud_event::CloudContext,
    headers::InvalidHeader,
    id::TopicId,
    media_type::{is_json, is_well_formed},
};

/// The most bytes of a media type, which is the width of its column.
const MAX_MEDIA_TYPE: usize = 255;

/// The body of a raw event. Thorn stores, signs and sends exactly these bytes.
///
/// `Debug` shows the size instead of the bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawBody {
    /// The value of the header `Content-Type`. `None` sends no such header.
    pub media_type: Option<String>,
    /// The bytes, which may be none at all.
    pub bytes: Bytes,
}

impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media_type, bytes } = self;
        f.debug_struct("RawBody").field("media_type", media_type).field("size", &bytes.len()).finish()
    }
}

/// The facts about a raw event besides its body. The relay decides with them, and the worker makes headers of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RawHead {
    /// The reference, which is sent as `Hook-Ref`.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// The sender's label, which is sent as `Hook-Sender`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sender: Option<String>,
    /// Whether the media type is JSON, so that filters can test the body.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_json: bool,
    /// The number of bytes, by which chunks are filled.
    pub(crate) size: usize,
    /// The topic of the hub that the body is a version of. The event goes to its subscriptions and no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<TopicHead>,
    /// The attributes of an event that came as a CloudEvent.
    #[serde(rename = "ce", skip_serializing_if = "Option::is_none")]
    pub(crate) cloud: Option<Box<CloudContext>>,
}

/// A topic of the hub, as the deliveries of a version name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopicHead {
    pub(crate) id: TopicId,
    /// The URL of the hub.
    pub(crate) hub: String,
    /// The topic's own URL.
    #[serde(rename = "self")]
    pub(crate) own: String,
}

impl TopicHead {
    /// The value of the header `Link`: the hub first, because some subscribers read the first link only.
    pub(crate) fn links(&self) -> String {
        format!("<{}>; rel=\"hub\", <{}>; rel=\"self\"", self.hub, self.own)
    }
}

impl RawBody {
    /// Checks that the media type can be stored and sent.
    pub(crate) fn check(&self) -> Result<(), InvalidHeader> {
        let refuse = |reason| Err(InvalidHeader { name: "content-type".into(), reason });
        match &self.media_type {
            Some(media_type) if media_type.len() > MAX_MEDIA_TYPE => refuse("has a value of more than 255 characters"),
            Some(media_type) if media_type.is_empty() => refuse("has an empty value; leave the media type out"),
            Some(media_type) if !media_type.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) => {
                refuse("has a value with characters that aren't printable ASCII")
            }
            _ => Ok(()),
        }
    }

    /// The media type under which a server shows the bytes: the given one, or `application/octet-stream` if it is none.
    #[must_use]
    pub fn shown_media_type(&self) -> &str {
        let given = self.media_type.as_deref().filter(|media_type| is_well_formed(media_type));
        given.unwrap_or("application/octet-stream")
    }

    /// The event's head. Reference and sender are those of the event.
    pub(crate) fn head(&self, reference: Option<String>, sender: Option<String>) -> RawHead {
        let is_json = self.media_type.as_deref().is_some_and(is_json);
        RawHead { reference, sender, is_json, size: self.bytes.len(), topic: None, cloud: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(media_type: &str) -> RawBody {
        RawBody { media_type: Some(media_type.to_owned()), bytes: Bytes::from_static(b"12") }
    }

    #[test]
    fn filters_see_json_and_nothing_else() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json", "a/b+JSON"]
        {
            assert!(body(json).head(None, None).is_json, "{json}");
        }
        for other in ["text/plain", "application/jsonl", "json", "+jso", "é+json€", "text/html; a=application/json"]
        {
            assert!(!body(other).head(None, None).is_json, "{other}");
        }
        assert!(!RawBody::default().head(None, None).is_json);
    }

    #[test]
    fn a_media_type_must_fit_into_its_column_and_into_a_header() {
        assert!(RawBody::default().check().is_ok());
        assert!(body(&"x".repeat(255)).check().is_ok());
        for bad in ["", "a\nb", "a\0", "ü", &"x".repeat(256)] {
            assert!(body(bad).check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn debug_shows_no_bytes() {
        assert_eq!(format!("{:?}", body("a/b")), r#"RawBody { media_type: Some("a/b"), size: 2 }"#);
    }
}
