//! The JSON of a key.

use serde::Serialize;
use thorn_core::{ApiKeyId, api_key::ApiKey, timestamp::Timestamp};

/// A key. Only the answer to its creation has the token.
#[derive(Serialize)]
pub(super) struct Representation<'a> {
    id: ApiKeyId,
    owner: Option<&'a str>,
    scopes: Vec<String>,
    label: &'a str,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl<'a> Representation<'a> {
    pub(super) fn new(key: &'a ApiKey) -> Self {
        Self {
            id: key.id,
            owner: key.owner.as_deref(),
            scopes: key.scopes.iter().map(ToString::to_string).collect(),
            label: &key.label,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            key: None,
        }
    }

    pub(super) fn with_token(key: &'a ApiKey, token: &'a str) -> Self {
        Self { key: Some(token), ..Self::new(key) }
    }
}
