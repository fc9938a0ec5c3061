//! The body of a trigger: a JSON object.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::value::RawValue;

/// The members that the server sets.
const OWN: [&str; 2] = ["event", "time"];

/// The members of a JSON object. Values stay as they were written, with the digits of their numbers.
#[derive(Default)]
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

/// The body of the event: name and time, then the other members.
pub(super) struct Triggered<'a> {
    pub(super) event: &'a str,
    pub(super) time: &'a str,
    pub(super) members: &'a Members,
}

impl Serialize for Triggered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", self.event)?;
        map.serialize_entry("time", self.time)?;
        for (name, value) in self.members.0.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let (mut members, mut names) = (Vec::new(), HashSet::new());
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    // Receivers would disagree about which one counts.
                    if !names.insert(name.clone()) {
                        return Err(A::Error::custom(format!("member `{}` is there twice", name.escape_debug())));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ha6_members_keep_their_order_and_their_digits_and_never_win() {
        let given = r#"{"z":12345678901234567890.10,"time":"never","a":{"event": 1e2},"event":7}"#;
        let members: Members = serde_json::from_str(given).unwrap();
        let body = Triggered { event: "a.b", time: "now", members: &members };
        let expected = r#"{"event":"a.b","time":"now","z":12345678901234567890.10,"a":{"event": 1e2}}"#;
        assert_eq!(serde_json::to_string(&body).unwrap(), expected);
        for other in ["[]", "1", "null", "\"a\"", "{\"a\":1,\"a\":2}", "{", ""] {
            assert!(serde_json::from_str::<Members>(other).is_err(), "{other}");
        }
    }
}
