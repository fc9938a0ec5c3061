//! The binary mode of HTTP: attributes are headers, and the body is the data.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_TYPE};
use percent_encoding::percent_decode_str;

use super::{
    attribute::{Errors, InvalidCloudEvent},
    event::CloudEvent,
};

const PREFIX: &str = "ce-";

impl CloudEvent {
    /// Whether a request with these headers has an event in binary mode.
    #[must_use]
    pub fn is_in_headers(headers: &HeaderMap) -> bool {
        headers.keys().any(|name| name.as_str().starts_with(PREFIX))
    }

    /// Reads an event in binary mode: its attributes from headers, its data from the body, byte for byte.
    ///
    /// # Errors
    ///
    /// [`InvalidCloudEvent`] with every attribute that is missing or wrong.
    pub fn from_headers(headers: &HeaderMap, body: Bytes) -> Result<Self, InvalidCloudEvent> {
        let (mut given, mut errors) = (BTreeMap::new(), Errors::default());
        for name in headers.keys() {
            let Some(attribute) = name.as_str().strip_prefix(PREFIX) else { continue };
            let mut values = headers.get_all(name).iter();
            let text = match (values.next(), values.next()) {
                (Some(value), None) => value.to_str().ok().and_then(decoded).ok_or("Must be percent-encoded UTF-8."),
                _ => Err("The header is there more than once."),
            };
            match text {
                Ok(text) => drop(given.insert(attribute.to_owned(), text.into())),
                Err(reason) => errors.wrong(attribute, reason, &mut given),
            }
        }
        if given.remove("datacontenttype").is_some() {
            errors.add("datacontenttype", "In binary mode this is the header `Content-Type`.");
        }
        let media_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().map(str::to_owned));
        let media_type = media_type.transpose().unwrap_or_else(|_| {
            errors.add("datacontenttype", "`Content-Type` must be ASCII.");
            None
        });
        Self::of(given, media_type.filter(|text| !text.is_empty()), body, errors)
    }
}

/// The text of a header's value (HTTP binding, section 3.1.3.2): without quotes, and percent-decoded.
fn decoded(value: &str) -> Option<String> {
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let plain = quoted.map(|quoted| {
        let mut characters = quoted.chars();
        let mut plain = String::with_capacity(quoted.len());
        while let Some(character) = characters.next() {
            plain.extend(if character == '\\' { characters.next() } else { Some(character) });
        }
        plain
    });
    let text = plain.as_deref().unwrap_or(value);
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Result<CloudEvent, InvalidCloudEvent> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        CloudEvent::from_headers(&headers, Bytes::from_static(b"\0{"))
    }

    const MINIMAL: [(&str, &str); 4] =
        [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "a.b")];

    #[test]
    fn ce1_headers_are_decoded_and_the_body_is_the_data() {
        let mut headers = MINIMAL.to_vec();
        headers.extend([
            ("ce-subject", "Euro%20%E2%82%AC%20%25"),
            ("ce-quoted", "\"a \\\"b\\\" %20c\""),
            ("ce-time", "2022-04-07T21:39:13.5Z"),
            ("content-type", "text/plain"),
        ]);
        let event = read(&headers).unwrap();
        assert_eq!(event.context.subject.as_deref(), Some("Euro € %"));
        assert_eq!(event.context.extensions["quoted"], "a \"b\"  c");
        assert_eq!(event.context.time.as_deref(), Some("2022-04-07T21:39:13.5Z"));
        assert_eq!((event.media_type.as_deref(), &event.data[..]), (Some("text/plain"), &b"\0{"[..]));
        assert_eq!(read(&MINIMAL).unwrap().media_type, None);
    }

    #[test]
    fn ce4_each_attribute_that_is_missing_or_wrong_is_named() {
        let named = |headers: &[_]| {
            let errors = read(headers).unwrap_err().errors;
            errors.into_iter().map(|error| error.attribute).collect::<Vec<_>>()
        };
        assert_eq!(named(&[("ce-x", "1")]), ["specversion", "id", "source", "type"]);
        for (name, value) in [
            ("ce-specversion", "0.3"),
            ("ce-id", ""),
            ("ce-source", ""),
            ("ce-type", "%00"),
            ("ce-subject", ""),
            ("ce-time", "yesterday"),
            ("ce-a_b", "x"),
            ("ce-datacontenttype", "text/plain"),
        ] {
            let mut headers = MINIMAL.to_vec();
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value));
            assert_eq!(named(&headers), [name.strip_prefix("ce-").unwrap()], "{name}: {value}");
        }
        let mut headers = HeaderMap::new();
        for (name, value) in MINIMAL {
            headers.append(name, value.parse().unwrap());
        }
        headers.append("ce-id", "2".parse().unwrap());
        let error = CloudEvent::from_headers(&headers, Bytes::new()).unwrap_err();
        assert_eq!(error.errors[0].attribute, "id");
    }
}
