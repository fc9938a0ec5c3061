//! Sessions: short-lived stand-ins for an API key, for browsers that can't send one.

use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::{
    entry::ApiKey,
    store::ApiKeys,
    token::{ApiToken, hash},
};
use crate::{
    db::transaction,
    error::Error,
    signing::SecretError,
    tables::{
        api_key,
        stream_session::{ActiveModel, Column, Entity},
    },
    timestamp::Timestamp,
};

/// How long a session lasts at most.
const LASTS: Duration = Duration::from_secs(60 * 60);

/// The most sessions of one key at once.
const MOST: u64 = 100;

/// A session that a key has opened, for reading streams.
#[derive(Clone, Debug)]
pub struct StreamSession {
    /// The token. Only its SHA-256 is stored.
    pub token: ApiToken,
    /// When it stops working: after an hour, or when the key does.
    pub expires_at: Timestamp,
}

impl ApiKeys<'_> {
    /// Opens a session with a valid key. It ends after an hour, and as soon as the key doesn't work any more.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the key has 100 sessions already; [`Error::Secret`] without random bytes; [`Error::Database`].
    pub async fn open_session(self, key: &ApiKey, now: Timestamp) -> Result<StreamSession, Error> {
        let latest = now + LASTS;
        let expires_at = key.expires_at.map_or(latest, |at| at.min(latest));
        let token = ApiToken::generate().map_err(SecretError::from)?;
        let row = ActiveModel {
            // A generated token has a hash.
            hash: Set(hash(token.expose()).unwrap_or_default()),
            api_key_id: Set(key.id.as_uuid()),
            expires_at: Set(expires_at.as_millis()),
        };
        let txn = transaction::begin(self.db).await?;
        Entity::delete_many().filter(Column::ExpiresAt.lte(now.as_millis())).exec(&txn).await?;
        if Entity::find().filter(Column::ApiKeyId.eq(key.id.as_uuid())).count(&txn).await? >= MOST {
            txn.rollback().await?;
            let reason = format!("the key has {MOST} sessions already, which end within an hour; use one of these");
            return Err(Error::option("stream session", reason));
        }
        Entity::insert(row).exec_without_returning(&txn).await?;
        txn.commit().await?;
        Ok(StreamSession { token, expires_at })
    }

    /// The key whose session has this token, if both work at this time, and until when the session does.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn find_session(self, token: &str, now: Timestamp) -> Result<Option<(ApiKey, Timestamp)>, Error> {
        let Some(hash) = hash(token) else { return Ok(None) };
        let session = Entity::find_by_id(hash).one(self.db).await?;
        let Some(session) = session.filter(|session| now.as_millis() < session.expires_at) else { return Ok(None) };
        let row = api_key::Entity::find_by_id(session.api_key_id).one(self.db).await?;
        let key = row.map(ApiKey::try_from).transpose()?.filter(|key| key.is_valid(now));
        Ok(key.map(|key| (key, Timestamp::from_millis(session.expires_at))))
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::api_key::NewApiKey;

    #[tokio::test]
    async fn a_session_ends_after_an_hour_or_with_its_key() {
        let db = crate::connect("sqlite::memory:").await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let (keys, now) = (ApiKeys::new(&db), Timestamp::now());
        let (key, token) = keys.create(NewApiKey::new("stream".parse().unwrap()).owner("alice")).await.unwrap();
        let session = keys.open_session(&key, now).await.unwrap();
        assert_eq!(session.expires_at, now + LASTS);
        let found = async |token: &str, at| keys.find_session(token, at).await.unwrap();
        assert_eq!(found(session.token.expose(), now).await, Some((key.clone(), now + LASTS)));
        assert_eq!(found(session.token.expose(), now + LASTS).await, None);
        assert_eq!(found(token.expose(), now).await, None, "a key is no session");
        assert_eq!(keys.find(session.token.expose(), now).await.unwrap(), None, "a session is no key");
        keys.revoke(key.id).await.unwrap();
        assert_eq!(found(session.token.expose(), now).await, None);

        let soon = now + Duration::from_secs(60);
        let (short, _) = keys.create(NewApiKey::new("stream".parse().unwrap()).expires_at(soon)).await.unwrap();
        assert_eq!(keys.open_session(&short, now).await.unwrap().expires_at, soon);
    }

    #[tokio::test]
    async fn a_key_has_a_bounded_number_of_sessions_and_expired_ones_make_place() {
        let db = crate::connect("sqlite::memory:").await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let (keys, now) = (ApiKeys::new(&db), Timestamp::now());
        let (key, _) = keys.create(NewApiKey::new("stream".parse().unwrap())).await.unwrap();
        for _ in 0..MOST {
            keys.open_session(&key, now).await.unwrap();
        }
        assert!(matches!(keys.open_session(&key, now).await, Err(Error::Option(_))));
        keys.open_session(&key, now + LASTS).await.unwrap();
        assert_eq!(Entity::find().count(&db).await.unwrap(), 1);
        let row = Entity::find().one(&db).await.unwrap().unwrap();
        assert!(!row.hash.contains("thk_"), "{row:?}");
    }
}
