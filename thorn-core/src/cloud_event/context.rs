//! The attributes that an event keeps when it is thorn's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The attributes of a CloudEvent that thorn has no own place for. It keeps them, and sends them on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudContext {
    /// The id, which is unique together with the source.
    pub id: String,
    /// The context in which the event happened, as a URI reference.
    pub source: String,
    /// The subject of the event, within its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The schema of the data, as a URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataschema: Option<String>,
    /// Further attributes: strings, booleans and whole numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extensions: BTreeMap<String, Value>,
}
