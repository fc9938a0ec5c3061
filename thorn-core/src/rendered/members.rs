//! The members of a JSON object, in their order.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::finite::Finite;

/// The top-level fields of every body. Only Thorn sets them.
pub(crate) const OWN: [&str; 4] = ["event", "ref", "sender", "data"];

/// The field with the values before a change. Only Thorn sets it in an event that declares it.
pub(crate) const PREVIOUS: &str = "previous";

/// An object's members. The values stay raw, so numbers keep their digits and objects keep the order of their keys.
#[derive(Clone, Debug)]
pub(crate) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// The members of a value, if it is an object.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&serde_json::to_string(&Finite(value))?)
    }

    /// The members of a value; `None` if it is no object. Numbers that aren't finite become null.
    pub(crate) fn of_object<T: Serialize + ?Sized>(value: &T) -> Result<Option<Self>, serde_json::Error> {
        let text = serde_json::to_string(value)?;
        if text.starts_with('{') { serde_json::from_str(&text).map(Some) } else { Ok(None) }
    }

    /// The members in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// All members except the fields that Thorn sets.
    pub(crate) fn extra(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        let extra = self.0.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
        extra.map(|(key, value)| (key.as_str(), &**value))
    }

    /// Appends `others`. If both have a member of the same name, the value from `others` replaces the present value.
    pub(crate) fn merge(&mut self, others: Self) {
        for (name, value) in others.0 {
            match self.0.iter_mut().find(|(key, _)| *key == name) {
                Some((_, held)) => *held = value,
                None => self.0.push((name, value)),
            }
        }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members(Vec::new());
                while let Some((name, value)) = map.next_entry::<Cow<'de, str>, Box<RawValue>>()? {
                    members.0.push((name.into_owned(), value));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
