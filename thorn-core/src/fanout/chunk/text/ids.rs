//! Many ids in one JSON string.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::prelude::Uuid;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const BYTES: usize = 16;

/// The ids' bytes, one after the other, as base64: 22 characters instead of the 39 that a UUID takes in a JSON array.
pub(super) struct Ids(pub(super) Vec<Uuid>);

impl Serialize for Ids {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|id| *id.as_bytes()).collect();
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(<&str>::deserialize(deserializer)?).map_err(D::Error::custom)?;
        let (ids, rest) = bytes.as_chunks::<BYTES>();
        if rest.is_empty() {
            Ok(Self(ids.iter().map(|id| Uuid::from_bytes(*id)).collect()))
        } else {
            Err(D::Error::custom(format_args!("{} bytes aren't ids of {BYTES} each", bytes.len())))
        }
    }
}
