//! Encodes the body of an event in the content type of a subscription.

use std::borrow::Cow;

use serde::de::Error as _;
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::{
    rendered::{Members, OWN},
    spec::ContentType,
};

/// Encodes an event's JSON body in the given content type. Exactly these bytes are signed and sent.
///
/// JSON stays as it is. A form has the body's four fields, then the added fields in their order. A string is
/// written as it is, null as an empty value, and everything else as its JSON text.
///
/// # Errors
///
/// For a form, if `body` isn't the JSON of an event, `{"event", "ref", "sender", "data"}`.
///
/// # Examples
///
/// ```
/// use thorn_core::{delivery::encode_body, subscription::ContentType};
///
/// let body = r#"{"event":"a.b","ref":null,"sender":"alice","data":{"id":1}}"#;
/// assert_eq!(encode_body(ContentType::Json, body)?, body);
/// assert_eq!(encode_body(ContentType::Form, body)?, "event=a.b&ref=&sender=alice&data=%7B%22id%22%3A1%7D");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn encode_body(content_type: ContentType, body: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match content_type {
        ContentType::Json => Ok(Cow::Borrowed(body)),
        ContentType::Form => form(body).map(Cow::Owned),
    }
}

fn form(body: &str) -> Result<String, serde_json::Error> {
    let members: Members = serde_json::from_str(body)?;
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(body.len() * 3 / 2));
    for name in OWN {
        let value = members.get(name).ok_or_else(|| serde_json::Error::custom(format_args!("no `{name}`")))?;
        form.append_pair(name, &plain(value)?);
    }
    for (name, value) in members.extra() {
        form.append_pair(name, &plain(value)?);
    }
    Ok(form.finish())
}

fn plain(value: &RawValue) -> Result<Cow<'_, str>, serde_json::Error> {
    match value.get() {
        "null" => Ok(Cow::Borrowed("")),
        text if text.starts_with('"') => serde_json::from_str(text).map(Cow::Owned),
        json => Ok(Cow::Borrowed(json)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(body: &str) -> Vec<(String, String)> {
        let form = encode_body(ContentType::Form, body).unwrap();
        form_urlencoded::parse(form.as_bytes()).into_owned().collect()
    }

    #[test]
    fn thorn_124_a_form_has_the_four_fields_with_nested_values_as_json() {
        let body = r#"{"event":"a.ü","ref":"/a/1?b=c&d","sender":null,"data":{"z":1.50,"a":[null,"x y"]}}"#;
        let fields = decoded(body);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            fields,
            [("event", "a.ü"), ("ref", "/a/1?b=c&d"), ("sender", ""), ("data", r#"{"z":1.50,"a":[null,"x y"]}"#)]
        );
    }

    #[test]
    fn thorn_006_a_form_has_what_was_added_too() {
        let body = r#"{"event":"a","ref":null,"sender":null,"data":1,"z":"x","a":{"b":1}}"#;
        assert_eq!(decoded(body)[4..], [("z".into(), "x".into()), ("a".into(), r#"{"b":1}"#.into())]);
    }

    #[test]
    fn a_form_shows_plain_data_plainly() {
        for (data, shown) in
            [(r#""a\"\u00e9\n""#, "a\"é\n"), ("true", "true"), ("12345678901234567890123", "12345678901234567890123")]
        {
            let body = format!(r#"{{"event":"a","ref":null,"sender":null,"data":{data}}}"#);
            assert_eq!(decoded(&body)[3].1, shown);
        }
    }

    #[test]
    fn json_is_not_touched_and_a_form_needs_an_event() {
        assert_eq!(encode_body(ContentType::Json, "{ }").unwrap(), "{ }");
        for bad in ["", "[]", r#"{"event":"a"}"#] {
            assert!(encode_body(ContentType::Form, bad).is_err(), "{bad}");
        }
    }
}
