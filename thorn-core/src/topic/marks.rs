//! The marks that say when a topic is fetched.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Value, prelude::Uuid,
};

use super::{entry::Topic, url::TopicUrl};
use crate::{
    db::{statement, transaction},
    error::Error,
    id::TopicId,
    subscription::Access,
    tables::{
        subscription,
        topic::{Column, Entity, Model},
    },
    timestamp::Timestamp,
};

/// The shortest time between the beginnings of two fetches of a topic. Pings within this time lead to one fetch.
const GAP: Duration = Duration::from_secs(5);

/// A topic that is due, with the state that its fetch continues from.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) topic: Topic,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    pub(crate) body_hash: Option<String>,
    /// The pings so far. More of them after the fetch lead to another one.
    pub(crate) pings: i64,
    /// The due time that the claim replaces.
    due_at: i64,
}

impl From<Model> for Due {
    fn from(mut row: Model) -> Self {
        Self {
            etag: row.etag.take(),
            last_modified: row.last_modified.take(),
            body_hash: row.body_hash.take(),
            pings: row.pings,
            due_at: row.due_at.unwrap_or_default(),
            topic: row.into(),
        }
    }
}

/// A fetch that no other worker makes at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) topic: TopicId,
    pub(crate) began: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) pings: i64,
}

/// Marks a topic as changed. Returns whether the hub knows it, and the caller may say so.
///
/// It is fetched at once, or as soon as [`GAP`] has passed since the beginning of the fetch before. A ping during a fetch
/// leads to another one: the fetch sees that there are more pings than when it began.
pub(super) async fn ping<C: ConnectionTrait>(
    db: &C,
    url: &TopicUrl,
    access: Access<'_>,
    hub_url: &str,
) -> Result<bool, Error> {
    let now = Timestamp::now();
    // A time that is too far ahead is from before the clock was set back.
    let sql = "UPDATE thorn_topic SET due_at = CASE \
               WHEN fetch_until > ? AND fetch_until < ? THEN due_at \
               WHEN due_at <= ? THEN due_at \
               WHEN fetched_at > ? AND fetched_at <= ? THEN fetched_at + ? \
               ELSE ? END, \
               pings = pings + 1, pinged_at = ?, failures = 0, hub_url = ? WHERE url_hash = ?";
    let gap = i64::try_from(GAP.as_millis()).unwrap_or(i64::MAX);
    let of_owner = access.owner_id().map(|_| " AND (owner = ? OR owner IS NULL)");
    let mut values: Vec<Value> = vec![
        now.as_millis().into(),
        (now + Duration::from_secs(120)).as_millis().into(),
        now.as_millis().into(),
        (now - GAP).as_millis().into(),
        now.as_millis().into(),
        gap.into(),
        now.as_millis().into(),
        now.as_millis().into(),
        hub_url.into(),
        url.hash().into(),
    ];
    values.extend(access.owner_id().map(Value::from));
    let sql = format!("{sql}{}", of_owner.unwrap_or_default());
    Ok(db.execute_raw(statement(db.get_database_backend(), &sql, values)).await?.rows_affected() > 0)
}

/// The topics that are due, those with the oldest due times first.
pub(crate) async fn due<C: ConnectionTrait>(db: &C, now: Timestamp, most: u64) -> Result<Vec<Due>, Error> {
    let rows = Entity::find().filter(Column::DueAt.lte(now.as_millis())).order_by_asc(Column::DueAt);
    Ok(rows.limit(most).all(db).await?.into_iter().map(Due::from).collect())
}

/// Whether there is any topic.
pub(crate) async fn any<C: ConnectionTrait>(db: &C) -> Result<bool, Error> {
    let found: Option<Uuid> = Entity::find().select_only().column(Column::Id).limit(1).into_tuple().one(db).await?;
    Ok(found.is_some())
}

/// How many subscriptions of the topic are live.
pub(crate) async fn live_subscribers<C: ConnectionTrait>(db: &C, topic: TopicId) -> Result<u64, Error> {
    use subscription::Column as Of;
    let live = subscription::Entity::find()
        .filter(Of::TopicId.eq(topic.as_uuid()))
        .filter(Of::ExpiresAt.gt(Timestamp::now().as_millis()))
        .filter(Of::DisabledAt.is_null())
        .filter(Of::DeletedAt.is_null());
    Ok(live.count(db).await?)
}

impl Due {
    /// Takes the fetch, unless another worker was first or the topic was marked again.
    pub(crate) async fn claim(&self, db: &DatabaseConnection, lease: Duration) -> Result<Option<Claim>, Error> {
        let began = Timestamp::now();
        let until = began + lease;
        let sql = "UPDATE thorn_topic SET fetch_until = ?, due_at = ? WHERE id = ? AND due_at = ? AND pings = ?";
        let values: [Value; 5] = [
            until.as_millis().into(),
            until.as_millis().into(),
            self.topic.id.as_uuid().into(),
            self.due_at.into(),
            self.pings.into(),
        ];
        let claim = statement(db.get_database_backend(), sql, values);
        let claimed = transaction::execute_in_own_transaction(db, claim).await?;
        Ok((claimed > 0).then_some(Claim { topic: self.topic.id, began, until, pings: self.pings }))
    }

    /// Forgets that the topic is due, because nobody would hear of it.
    pub(crate) async fn forget(&self, db: &DatabaseConnection) -> Result<(), Error> {
        let sql = "UPDATE thorn_topic SET due_at = NULL WHERE id = ? AND due_at = ? AND pings = ?";
        let values: [Value; 3] = [self.topic.id.as_uuid().into(), self.due_at.into(), self.pings.into()];
        transaction::execute_in_own_transaction(db, statement(db.get_database_backend(), sql, values)).await?;
        Ok(())
    }
}

impl Claim {
    /// Ends the fetch. It is due again at `again`, and after more pings in any case. Returns `false` if the claim is over,
    /// because the fetch took too long.
    pub(crate) async fn end<C: ConnectionTrait>(
        self,
        db: &C,
        failures: u32,
        again: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let sql = "UPDATE thorn_topic SET due_at = CASE WHEN pings <> ? THEN ? ELSE ? END, \
                   failures = CASE WHEN pings <> ? THEN 0 ELSE ? END, fetched_at = ?, fetch_until = NULL \
                   WHERE id = ? AND fetch_until = ?";
        let values: [Value; 8] = [
            self.pings.into(),
            (self.began + GAP).as_millis().into(),
            again.map(Timestamp::as_millis).into(),
            self.pings.into(),
            i32::try_from(failures).unwrap_or(i32::MAX).into(),
            self.began.as_millis().into(),
            self.topic.as_uuid().into(),
            self.until.as_millis().into(),
        ];
        Ok(db.execute_raw(statement(db.get_database_backend(), sql, values)).await?.rows_affected() > 0)
    }
}

/// Deletes topics that nobody registered, that nobody subscribes to, and that nobody has wanted since this time.
pub(crate) async fn delete_unwanted(db: &DatabaseConnection, since: Timestamp) -> Result<u64, Error> {
    let sql = "DELETE FROM thorn_topic WHERE registered = ? AND wanted_at < ? AND NOT EXISTS \
               (SELECT 1 FROM thorn_subscription WHERE thorn_subscription.topic_id = thorn_topic.id)";
    let values: [Value; 2] = [false.into(), since.as_millis().into()];
    Ok(transaction::execute_in_own_transaction(db, statement(db.get_database_backend(), sql, values)).await?)
}
