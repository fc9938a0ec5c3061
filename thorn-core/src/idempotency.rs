//! Remembered answers: a request with an `Idempotency-Key` that comes again gets the answer it got before.
//!
//! The answer is written in the transaction of what the request did. So either both are there or neither is. The
//! primary key lets only one of several requests at once commit.

use std::time::Duration;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, QueryFilter,
    Value,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    db::{is_unique_violation, statement, transaction},
    error::Error,
    id::{ApiKeyId, EventId},
    tables::idempotency::{ActiveModel, Column, Entity, Model},
    timestamp::Timestamp,
};

/// How long an answer is remembered: 24 hours.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The most characters of an idempotency key.
const LONGEST: usize = 255;

/// Expired answers that one statement deletes.
const PER_STATEMENT: u64 = 500;

/// The value of `Idempotency-Key`: 1 to 255 visible ASCII characters.
///
/// # Examples
///
/// ```
/// use thorn_core::idempotency::IdempotencyKey;
///
/// let quoted: IdempotencyKey = "\"8e03978e-40d5\"".parse()?;
/// assert_eq!(quoted, "8e03978e-40d5".parse()?);
/// # Ok::<(), thorn_core::idempotency::InvalidIdempotencyKey>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// A text is no idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`Idempotency-Key` must have 1 to {LONGEST} visible ASCII characters, with or without quotes around them")]
pub struct InvalidIdempotencyKey;

impl std::str::FromStr for IdempotencyKey {
    type Err = InvalidIdempotencyKey;

    /// Reads a key with or without the quotes of a structured field (RFC 9651).
    fn from_str(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let is_visible = bare.bytes().all(|byte| byte.is_ascii_graphic());
        let is_valid = is_visible && (1..=LONGEST).contains(&bare.len()) && !bare.contains('"');
        if is_valid { Ok(Self(bare.to_owned())) } else { Err(InvalidIdempotencyKey) }
    }
}

/// A hash of everything that makes two requests the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Hashes the parts of a request in this order, each with its length.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// An answer, as it is given again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers by name and value.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// The record of a key that was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// The same request got this answer.
    Same {
        /// The answer.
        answer: Answer,
        /// The event that it was about.
        event: Option<EventId>,
    },
    /// Another request used the key.
    Other,
}

/// The answer to the request with this key and fingerprint. `None` if the key is new or its answer is forgotten.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn recall(
    db: &DatabaseConnection,
    api_key: ApiKeyId,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
    now: Timestamp,
) -> Result<Option<Remembered>, Error> {
    let row = Entity::find_by_id((api_key.as_uuid(), key.0.clone())).one(db).await?;
    row.filter(|row| row.expires_at > now.as_millis()).map(|row| remembered(&row, fingerprint)).transpose()
}

fn remembered(row: &Model, fingerprint: Fingerprint) -> Result<Remembered, Error> {
    if row.fingerprint != fingerprint.to_hex() {
        return Ok(Remembered::Other);
    }
    let answer = serde_json::from_str(&row.answer);
    let answer = answer.map_err(|error| Error::Database(DbErr::Type(format!("a remembered answer: {error}"))))?;
    Ok(Remembered::Same { answer, event: row.event_id.map(EventId::from_uuid) })
}

/// Writes the answer on this connection, in the transaction of what the request did. Returns `false` if another
/// request with this key was first. The transaction must be rolled back then.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn remember<C: ConnectionTrait>(
    db: &C,
    api_key: ApiKeyId,
    key: &IdempotencyKey,
    fingerprint: Fingerprint,
    answer: &Answer,
    event: Option<EventId>,
    now: Timestamp,
) -> Result<bool, Error> {
    // An expired row makes place.
    Entity::delete_many()
        .filter(Column::ApiKeyId.eq(api_key.as_uuid()))
        .filter(Column::IdempotencyKey.eq(key.0.as_str()))
        .filter(Column::ExpiresAt.lte(now.as_millis()))
        .exec(db)
        .await?;
    let text = serde_json::to_string(answer);
    let row = ActiveModel {
        api_key_id: Set(api_key.as_uuid()),
        idempotency_key: Set(key.0.clone()),
        fingerprint: Set(fingerprint.to_hex()),
        answer: Set(text.map_err(|error| Error::Database(DbErr::Type(format!("an answer: {error}"))))?),
        event_id: Set(event.map(EventId::as_uuid)),
        expires_at: Set((now + REMEMBERED_FOR).as_millis()),
    };
    match Entity::insert(row).exec_without_returning(db).await {
        Ok(_) => Ok(true),
        Err(error) if is_unique_violation(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Deletes expired answers, a bounded number.
pub(crate) async fn forget_expired(db: &DatabaseConnection, now: Timestamp) -> Result<(), Error> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::MySql => format!("DELETE FROM thorn_idempotency WHERE expires_at <= ? LIMIT {PER_STATEMENT}"),
        _ => format!(
            "DELETE FROM thorn_idempotency WHERE (api_key_id, idempotency_key) IN \
             (SELECT api_key_id, idempotency_key FROM thorn_idempotency WHERE expires_at <= ? LIMIT {PER_STATEMENT})"
        ),
    };
    let values = [Value::from(now.as_millis())];
    transaction::execute_in_own_transaction(db, statement(backend, &sql, values)).await?;
    Ok(())
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use sea_orm::PaginatorTrait as _;

    use super::*;

    fn answer() -> Answer {
        Answer { status: 201, headers: vec![("location".into(), "/events/1".into())], body: "{}".into() }
    }

    fn key(text: &str) -> IdempotencyKey {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_is_visible_ascii_quoted_or_bare() {
        let longest = "x".repeat(255);
        for good in ["a", "\"a\"", "8e03978e-40d5-43e8", &longest, &format!("\"{longest}\"")] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good}");
        }
        for bad in ["", "\"\"", "\"", "a b", "a\"b", "é", "a\n", &format!("{longest}x")] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(InvalidIdempotencyKey), "{bad:?}");
        }
    }

    #[test]
    fn parts_of_a_request_cant_be_shifted() {
        let of = |parts: &[&'static str]| Fingerprint::of(parts.iter().map(|part| part.as_bytes()));
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ab", ""]));
    }

    #[tokio::test]
    async fn an_answer_is_given_again_for_a_day_and_only_to_the_same_request_of_the_same_api_key() {
        let db = crate::connect("sqlite::memory:").await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let (mine, theirs, now) = (ApiKeyId::generate(), ApiKeyId::generate(), Timestamp::now());
        let (this, other) = (Fingerprint::of([b"1".as_slice()]), Fingerprint::of([b"2".as_slice()]));
        assert!(remember(&db, mine, &key("a"), this, &answer(), None, now).await.unwrap());
        assert!(!remember(&db, mine, &key("a"), this, &answer(), None, now).await.unwrap(), "it was first");
        assert!(remember(&db, theirs, &key("a"), other, &answer(), None, now).await.unwrap());

        let recalled = async |of, key: &str, fingerprint, at| {
            recall(&db, of, &key.parse().unwrap(), fingerprint, at).await.unwrap()
        };
        let late = now + REMEMBERED_FOR;
        assert_eq!(recalled(mine, "a", this, now).await, Some(Remembered::Same { answer: answer(), event: None }));
        assert_eq!(recalled(mine, "a", other, now).await, Some(Remembered::Other));
        assert_eq!(recalled(mine, "A", this, now).await, None);
        assert_eq!(recalled(mine, "a", this, late).await, None);

        assert!(remember(&db, mine, &key("a"), other, &answer(), None, late).await.unwrap(), "the old one has expired");
        forget_expired(&db, late).await.unwrap();
        assert_eq!(Entity::find().count(&db).await.unwrap(), 1);
    }
}
