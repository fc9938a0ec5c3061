//! Keys in the database.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select, sea_query::Expr,
};

use super::{
    entry::{ApiKey, NewApiKey},
    scope::Scopes,
    token::{ApiToken, hash},
};
use crate::{
    db::transaction,
    error::Error,
    id::ApiKeyId,
    printable::acts_on_terminals,
    short_text::check_short_text,
    signing::SecretError,
    subscription::Access,
    tables::api_key::{ActiveModel, Column, Entity},
    timestamp::Timestamp,
};

/// Makes, lists, revokes and finds API keys; [`Thorn::api_keys`](crate::Thorn::api_keys) returns it.
///
/// # Examples
///
/// ```
/// # async fn example(thorn: thorn_core::Thorn) -> Result<(), Box<dyn std::error::Error>> {
/// use thorn_core::api_key::NewApiKey;
///
/// let (key, token) = thorn.api_keys().create(NewApiKey::new("publish".parse()?).owner("alice")).await?;
/// println!("{}: {}", key.id, token.expose());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ApiKeys<'a> {
    pub(super) db: &'a DatabaseConnection,
}

impl<'a> ApiKeys<'a> {
    /// The keys in this database.
    #[must_use]
    pub const fn new(db: &'a DatabaseConnection) -> Self {
        Self { db }
    }

    /// Makes a key. Only this function returns its token.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if owner or label is invalid, or if the key has expired already; [`Error::Secret`] without
    /// random bytes; [`Error::Database`].
    pub async fn create(self, new: NewApiKey) -> Result<(ApiKey, ApiToken), Error> {
        insert(self.db, new).await
    }

    /// Makes an operator's key with all scopes if there has never been a key. The first start of a server calls it.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub async fn create_first(self, label: &str) -> Result<Option<(ApiKey, ApiToken)>, Error> {
        let txn = transaction::begin(self.db).await?;
        if Entity::find().count(&txn).await? > 0 {
            txn.rollback().await?;
            return Ok(None);
        }
        let made = insert(&txn, NewApiKey::new(Scopes::all()).label(label)).await?;
        txn.commit().await?;
        Ok(Some(made))
    }

    /// Whether a key works at this time.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn any_valid(self, now: Timestamp) -> Result<bool, Error> {
        Ok(valid(now).limit(1).count(self.db).await? > 0)
    }

    /// Lists keys, expired and revoked ones included, from the newest to the oldest. The list begins after the key
    /// `after` and has at most `limit`.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn list(self, after: Option<ApiKeyId>, limit: u64) -> Result<Vec<ApiKey>, Error> {
        self.list_for(Access::Operator, after, limit).await
    }

    /// Lists the same keys, as far as the caller may see them: an owner sees their own.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn list_for(self, access: Access<'_>, after: Option<ApiKeyId>, limit: u64) -> Result<Vec<ApiKey>, Error> {
        let mut keys = Entity::find().filter(seen_by(access));
        if let Some(after) = after {
            keys = keys.filter(Column::Id.lt(after.as_uuid()));
        }
        let rows = keys.order_by_desc(Column::Id).limit(limit.min(i64::MAX.unsigned_abs())).all(self.db).await?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    /// One key, expired and revoked ones included.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the caller may not see it; [`Error::Database`].
    pub async fn get(self, access: Access<'_>, id: ApiKeyId) -> Result<ApiKey, Error> {
        let row = Entity::find_by_id(id.as_uuid()).filter(seen_by(access)).one(self.db).await?;
        row.ok_or_else(|| Error::NotFound { what: "API key", id: id.to_string() })?.try_into()
    }

    /// The number of an owner's keys that work at this time.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn count_valid(self, owner: &str, now: Timestamp) -> Result<u64, Error> {
        Ok(valid(now).filter(Column::Owner.eq(owner)).count(self.db).await?)
    }

    /// Revokes a key. It stops working at once, for every server on this database.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Database`].
    pub async fn revoke(self, id: ApiKeyId) -> Result<ApiKey, Error> {
        Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(Timestamp::now().as_millis()))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::RevokedAt.is_null())
            .exec(self.db)
            .await?;
        let row = Entity::find_by_id(id.as_uuid()).one(self.db).await?;
        row.ok_or_else(|| Error::NotFound { what: "API key", id: id.to_string() })?.try_into()
    }

    /// Whether a key still works at this time.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn is_valid(self, id: ApiKeyId, now: Timestamp) -> Result<bool, Error> {
        let row = Entity::find_by_id(id.as_uuid()).one(self.db).await?;
        Ok(row.map(ApiKey::try_from).transpose()?.is_some_and(|key| key.is_valid(now)))
    }

    /// The key with this token, if it works at this time.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn find(self, token: &str, now: Timestamp) -> Result<Option<ApiKey>, Error> {
        let Some(hash) = hash(token) else { return Ok(None) };
        let row = Entity::find().filter(Column::Hash.eq(hash)).one(self.db).await?;
        Ok(row.map(ApiKey::try_from).transpose()?.filter(|key| key.is_valid(now)))
    }
}

/// Keys that work at this time.
fn valid(now: Timestamp) -> Select<Entity> {
    let lives = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now.as_millis()));
    Entity::find().filter(Column::RevokedAt.is_null()).filter(lives)
}

/// Keys that the caller may see.
fn seen_by(access: Access<'_>) -> Condition {
    access.owner_id().map_or_else(Condition::all, |owner| Condition::all().add(Column::Owner.eq(owner)))
}

async fn insert<C: ConnectionTrait>(db: &C, new: NewApiKey) -> Result<(ApiKey, ApiToken), Error> {
    let NewApiKey { owner, scopes, label, expires_at } = new;
    let now = Timestamp::now();
    if let Some(owner) = &owner {
        check_text("owner of an API key", owner)?;
        if owner.is_empty() {
            return Err(Error::option("owner of an API key", "it is empty; leave it out for an operator's key"));
        }
    }
    check_text("label of an API key", &label)?;
    if expires_at.is_some_and(|at| at <= now) {
        return Err(Error::option("expiry of an API key", "it has passed already; give a time in the future"));
    }
    let token = ApiToken::generate().map_err(SecretError::from)?;
    // A generated token has a hash.
    let hash = hash(token.expose()).unwrap_or_default();
    let key = ApiKey { id: ApiKeyId::generate(), owner, scopes, label, created_at: now, expires_at, revoked_at: None };
    let row = ActiveModel {
        id: Set(key.id.as_uuid()),
        hash: Set(hash),
        owner: Set(key.owner.clone()),
        scopes: Set(key.scopes.to_string()),
        label: Set(key.label.clone()),
        created_at: Set(now.as_millis()),
        expires_at: Set(expires_at.map(Timestamp::as_millis)),
        revoked_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok((key, token))
}

/// Owners and labels are printed by `thorn key list`.
fn check_text(option: &'static str, text: &str) -> Result<(), Error> {
    check_short_text(text).map_err(|error| Error::option(option, error.to_string()))?;
    if text.chars().any(acts_on_terminals) {
        let reason = "it has a control character or one that changes the direction of writing; remove it";
        return Err(Error::option(option, reason));
    }
    Ok(())
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::api_key::Scope;

    async fn database() -> DatabaseConnection {
        let db = crate::connect("sqlite::memory:").await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        db
    }

    fn publishing() -> NewApiKey {
        NewApiKey::new(Scopes::new([Scope::Publish]).unwrap())
    }

    #[tokio::test]
    async fn a_key_is_found_by_its_token_until_it_expires_or_is_revoked() {
        let db = database().await;
        let (keys, now) = (ApiKeys::new(&db), Timestamp::now());
        let until = now + Duration::from_secs(60);
        let (key, token) = keys.create(publishing().owner("alice").expires_at(until)).await.unwrap();
        let (other, other_token) = keys.create(publishing()).await.unwrap();
        assert_eq!(keys.find(token.expose(), now).await.unwrap().as_ref(), Some(&key));
        assert_eq!(keys.find(token.expose(), until).await.unwrap(), None);
        assert_eq!(keys.find("thk_guessed", now).await.unwrap(), None);
        assert!(keys.is_valid(key.id, now).await.unwrap() && !keys.is_valid(key.id, until).await.unwrap());

        let revoked = keys.revoke(other.id).await.unwrap();
        assert!(revoked.revoked_at.is_some());
        assert_eq!(keys.revoke(other.id).await.unwrap(), revoked, "the time of the first revocation stays");
        assert_eq!(keys.find(other_token.expose(), now).await.unwrap(), None);
        assert!(!keys.is_valid(other.id, now).await.unwrap());
        assert!(keys.any_valid(now).await.unwrap() && !keys.any_valid(until).await.unwrap());
        assert!(matches!(keys.revoke(ApiKeyId::generate()).await, Err(Error::NotFound { .. })));

        assert_eq!(keys.list(None, 1).await.unwrap(), std::slice::from_ref(&revoked));
        assert_eq!(keys.list(Some(other.id), 9).await.unwrap(), [key]);
    }

    #[tokio::test]
    async fn an_owner_sees_their_own_keys_and_no_others() {
        let db = database().await;
        let keys = ApiKeys::new(&db);
        let now = Timestamp::now();
        let (hers, _) = keys.create(publishing().owner("alice")).await.unwrap();
        let (operators, _) = keys.create(publishing()).await.unwrap();
        let alice = Access::Owner("alice");
        assert_eq!(keys.list_for(alice, None, 9).await.unwrap(), std::slice::from_ref(&hers));
        assert_eq!(keys.get(alice, hers.id).await.unwrap(), hers);
        assert!(matches!(keys.get(alice, operators.id).await, Err(Error::NotFound { .. })));
        assert_eq!(keys.get(Access::Operator, operators.id).await.unwrap(), operators);
        assert_eq!(keys.count_valid("alice", now).await.unwrap(), 1);
        keys.revoke(hers.id).await.unwrap();
        assert_eq!(keys.count_valid("alice", now).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn the_table_has_no_token() {
        let db = database().await;
        let (_, token) = ApiKeys::new(&db).create(publishing()).await.unwrap();
        let row = Entity::find().one(&db).await.unwrap().unwrap();
        assert!(!format!("{row:?}").contains(token.expose().trim_start_matches("thk_")), "{row:?}");
    }

    #[tokio::test]
    async fn only_a_database_that_never_had_a_key_gets_a_first_one() {
        let db = database().await;
        let keys = ApiKeys::new(&db);
        let (first, _) = keys.create_first("first").await.unwrap().unwrap();
        assert_eq!((first.owner.as_ref(), &first.scopes), (None, &Scopes::all()));
        keys.revoke(first.id).await.unwrap();
        assert!(keys.create_first("first").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn bad_owners_labels_and_expiries_are_refused() {
        let db = database().await;
        let past = Timestamp::now() - Duration::from_secs(1);
        for bad in [
            publishing().owner(""),
            publishing().owner("a\0"),
            publishing().label("\u{1b}[2J"),
            publishing().label("x".repeat(191)),
            publishing().expires_at(past),
        ] {
            assert!(matches!(ApiKeys::new(&db).create(bad).await, Err(Error::Option(_))));
        }
    }
}
