//! A key as its row has it, and a key to be made.

use sea_orm::DbErr;

use super::scope::{ParseScopeError, Scopes};
use crate::{error::Error, id::ApiKeyId, subscription::Access, tables::api_key::Model, timestamp::Timestamp};

/// An API key, without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The key's id, by which it is revoked.
    pub id: ApiKeyId,
    /// The owner whose subscriptions and events the key is for. `None` is an operator.
    pub owner: Option<String>,
    /// The parts of the server that the key may use.
    pub scopes: Scopes,
    /// A note for people. It may be empty.
    pub label: String,
    /// When the key was made.
    pub created_at: Timestamp,
    /// When the key stops working; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When the key was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// An API key to be made. [`ApiKeys::create`](super::ApiKeys::create) checks it.
///
/// # Examples
///
/// ```
/// use thorn_core::api_key::NewApiKey;
///
/// let new = NewApiKey::new("publish read".parse()?).owner("alice").label("the shop");
/// assert_eq!(new.owner.as_deref(), Some("alice"));
/// # Ok::<(), thorn_core::api_key::ParseScopeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApiKey {
    /// The owner. `None` makes an operator's key.
    pub owner: Option<String>,
    /// The parts of the server that the key may use.
    pub scopes: Scopes,
    /// A note for people, at most 190 characters.
    pub label: String,
    /// When the key stops working; `None` is never.
    pub expires_at: Option<Timestamp>,
}

impl NewApiKey {
    /// An operator's key with these scopes, which never expires.
    #[must_use]
    pub const fn new(scopes: Scopes) -> Self {
        Self { owner: None, scopes, label: String::new(), expires_at: None }
    }

    /// Makes it a key of this owner.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Adds a note for people.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Lets the key expire.
    #[must_use]
    pub const fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }
}

impl ApiKey {
    /// The part of the data that the holder may see and change.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        self.owner.as_deref().map_or(Access::Operator, Access::Owner)
    }

    /// Whether the key works at this time.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

impl TryFrom<Model> for ApiKey {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let id = ApiKeyId::from_uuid(row.id);
        let scopes = row
            .scopes
            .parse()
            .map_err(|error: ParseScopeError| Error::Database(DbErr::Type(format!("API key {id}: {error}"))))?;
        Ok(Self {
            id,
            owner: row.owner,
            scopes,
            label: row.label,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_millis),
            revoked_at: row.revoked_at.map(Timestamp::from_millis),
        })
    }
}
