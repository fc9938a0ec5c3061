//! The rules for attributes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Value, value::RawValue};

/// The longest name of an extension. The specification advises 20 characters.
const MAX_NAME: usize = 64;

/// The longest text of an attribute, in bytes.
pub(super) const MAX_TEXT: usize = 2048;

/// An attribute that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAttribute {
    /// The attribute's name, such as `source`.
    pub attribute: String,
    /// The fault, as a sentence.
    pub reason: String,
}

/// The error of a message that isn't a CloudEvent. It names every wrong attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidCloudEvent {
    /// The attributes that are missing or wrong, at least one.
    pub errors: Vec<InvalidAttribute>,
}

impl fmt::Display for InvalidCloudEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.errors.iter().map(|error| format!("`{}`: {}", error.attribute, error.reason));
        write!(f, "no CloudEvent: {}", errors.collect::<Vec<_>>().join(" "))
    }
}

/// The errors found so far.
#[derive(Debug, Default)]
pub(super) struct Errors(Vec<InvalidAttribute>, BTreeSet<String>);

impl Errors {
    pub(super) fn add(&mut self, attribute: &str, reason: impl Into<String>) {
        // The name comes from a request, and an error may be shown on a terminal.
        let attribute = attribute.chars().take(MAX_NAME).collect::<String>().escape_debug().to_string();
        self.0.push(InvalidAttribute { attribute, reason: reason.into() });
    }

    /// Adds an error about the text of an attribute, which then doesn't count as missing.
    pub(super) fn wrong(&mut self, attribute: &str, reason: &str, given: &mut BTreeMap<String, Value>) {
        self.add(attribute, reason);
        self.1.insert(attribute.to_owned());
        given.remove(attribute);
    }

    /// Adds an error unless the attribute has one.
    pub(super) fn missing(&mut self, attribute: &str) {
        if !self.1.contains(attribute) {
            self.add(attribute, "This attribute is required.");
        }
    }

    pub(super) fn into_result<T>(self, value: T) -> Result<T, InvalidCloudEvent> {
        if self.0.is_empty() { Ok(value) } else { Err(InvalidCloudEvent { errors: self.0 }) }
    }
}

/// Why this can't be the name of an attribute.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Err("The name of an attribute has only lower-case letters and digits of ASCII.");
    }
    if name.len() > MAX_NAME {
        return Err("The name is longer than 64 characters.");
    }
    Ok(())
}

/// Why this can't be the value of an attribute: a string, a boolean or an integer of 32 bits.
pub(super) fn check_value(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::String(text) if text.len() > MAX_TEXT => Err("Must have at most 2048 bytes."),
        Value::String(text) if text.chars().any(is_forbidden) => Err("Must have no control characters."),
        Value::String(_) | Value::Bool(_) => Ok(()),
        Value::Number(number) if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => Ok(()),
        Value::Number(_) => Err("A number must be a whole one of 32 bits."),
        _ => Err("Must be a string, a boolean or a whole number."),
    }
}

/// The value of a member as an extension with its name, if it can be one.
pub(crate) fn extension(name: &str, value: &RawValue) -> Option<Value> {
    const OTHERS: [&str; 9] =
        ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data"];
    // Most members are objects, which needn't be parsed.
    let is_plain = !value.get().starts_with(['{', '[']) && !OTHERS.contains(&name) && check_name(name).is_ok();
    let value = if is_plain { serde_json::from_str(value.get()).ok()? } else { return None };
    check_value(&value).is_ok().then_some(value)
}

/// Whether the type system forbids the character in strings: controls and noncharacters.
const fn is_forbidden(character: char) -> bool {
    let code = character as u32;
    matches!(code, 0..=0x1f | 0x7f..=0x9f | 0xfdd0..=0xfdef) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_values_follow_the_type_system() {
        for good in ["a", "traceparent", "7", &"x".repeat(64)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "A", "a_b", "a-b", "é", &"x".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        for good in [json!(""), json!("é \u{1f600}"), json!(true), json!(-2_147_483_648_i64)] {
            assert_eq!(check_value(&good), Ok(()), "{good}");
        }
        for bad in [
            json!(null),
            json!([]),
            json!({}),
            json!(1.5),
            json!(2_147_483_648_i64),
            json!("\u{7f}"),
            json!("\u{ffff}"),
        ] {
            assert!(check_value(&bad).is_err(), "{bad}");
        }
        assert!(check_value(&json!("x".repeat(2049))).is_err());
    }
}
