//! The table of intents.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, prelude::Uuid, sea_query::Expr,
};

use super::entry::{Intent, IntentMode};
use crate::{
    error::Error,
    id::SubscriptionId,
    signing::SecretKey,
    tables::intent::{Column, Entity, Model},
    timestamp::Timestamp,
};

/// How often a callback is asked at most. One request for a subscription never leads to more.
pub(crate) const MOST_ATTEMPTS: i32 = 3;

/// The intents that wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending<'a> {
    pub(crate) key: Option<&'a SecretKey>,
}

impl Pending<'_> {
    /// Writes the intent in place of the one for the same topic and callback.
    pub(crate) async fn replace<C: ConnectionTrait>(self, db: &C, intent: &Intent) -> Result<(), Error> {
        self.drop_of(db, intent.subscription).await?;
        let row = intent.write(self.key)?;
        Entity::insert(row).exec_without_returning(db).await?;
        Ok(())
    }

    /// Deletes the intent for this topic and callback, if there is one.
    pub(crate) async fn drop_of<C: ConnectionTrait>(self, db: &C, subscription: SubscriptionId) -> Result<(), Error> {
        Entity::delete_many().filter(Column::SubscriptionId.eq(subscription.as_uuid())).exec(db).await?;
        Ok(())
    }

    /// Deletes what was asked for with this topic and callback and isn't confirmed.
    pub(crate) async fn drop_requests_for<C: ConnectionTrait>(
        self,
        db: &C,
        subscription: SubscriptionId,
    ) -> Result<(), Error> {
        Entity::delete_many()
            .filter(Column::SubscriptionId.eq(subscription.as_uuid()))
            .filter(Column::Mode.ne(IntentMode::Denied.as_str()))
            .exec(db)
            .await?;
        Ok(())
    }

    /// Whether an intent for this topic and callback waits.
    pub(crate) async fn is_there<C: ConnectionTrait>(
        self,
        db: &C,
        subscription: SubscriptionId,
    ) -> Result<bool, Error> {
        let found = Entity::find().filter(Column::SubscriptionId.eq(subscription.as_uuid())).count(db).await?;
        Ok(found > 0)
    }

    /// Deletes the intent. Returns `false` if a later request has replaced it.
    pub(crate) async fn take<C: ConnectionTrait>(self, db: &C, intent: &Intent) -> Result<bool, Error> {
        let taken = Entity::delete_many().filter(Column::Id.eq(intent.id)).exec(db).await?;
        Ok(taken.rows_affected > 0)
    }

    /// How many unconfirmed requests wait for callbacks of this host or at this address, without one for the same topic
    /// and callback.
    pub(crate) async fn count<C: ConnectionTrait>(self, db: &C, intent: &Intent) -> Result<u64, Error> {
        let waiting = Entity::find()
            .filter(Condition::any().add(Column::Host.eq(&*intent.host)).add(Column::Address.eq(&*intent.address)))
            .filter(Column::Mode.is_in([IntentMode::Subscribe.as_str(), IntentMode::Unsubscribe.as_str()]))
            .filter(Column::SubscriptionId.ne(intent.subscription.as_uuid()));
        Ok(waiting.count(db).await?)
    }

    /// Intents that are due by then, the longest due first. Their rows are as they were read; [`claim`](Self::claim) one
    /// before its callback is asked.
    pub(crate) async fn due(self, db: &DatabaseConnection, by: Timestamp, most: u64) -> Result<Vec<Model>, Error> {
        let due = Entity::find().filter(Column::Due.lte(by.as_millis())).order_by_asc(Column::Due);
        Ok(due.limit(most).all(db).await?)
    }

    /// Takes the next attempt of an intent. It is due again after `lease`, in case this process dies. Returns `false` if
    /// another process was first.
    pub(crate) async fn claim(
        self,
        db: &DatabaseConnection,
        row: &Model,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool, Error> {
        let claimed = Entity::update_many()
            .col_expr(Column::Due, Expr::value((now + lease).as_millis()))
            .col_expr(Column::Attempts, Expr::value(row.attempts + 1))
            .filter(Column::Id.eq(row.id))
            .filter(Column::Due.eq(row.due));
        Ok(claimed.exec(db).await?.rows_affected > 0)
    }

    /// Makes those of these intents due later that are due now. Others were claimed meanwhile.
    pub(crate) async fn postpone(
        self,
        db: &DatabaseConnection,
        ids: Vec<Uuid>,
        now: Timestamp,
        due: Timestamp,
    ) -> Result<(), Error> {
        Entity::update_many()
            .col_expr(Column::Due, Expr::value(due.as_millis()))
            .filter(Column::Id.is_in(ids))
            .filter(Column::Due.lte(now.as_millis()))
            .exec(db)
            .await?;
        Ok(())
    }

    /// Reads a row whose attempt was claimed.
    pub(crate) fn claimed(self, row: Model) -> Result<Intent, Error> {
        Intent::read(Model { attempts: row.attempts + 1, ..row }, self.key)
    }

    /// Sets when the callback is asked again, unless another process has taken the next attempt by now. With `given_back`,
    /// the last attempt doesn't count, because it wasn't made.
    pub(crate) async fn put_off(
        self,
        db: &DatabaseConnection,
        intent: &Intent,
        due: Timestamp,
        given_back: bool,
    ) -> Result<(), Error> {
        Entity::update_many()
            .col_expr(Column::Due, Expr::value(due.as_millis()))
            .col_expr(Column::Attempts, Expr::value(intent.attempts - i32::from(given_back)))
            .filter(Column::Id.eq(intent.id))
            .filter(Column::Attempts.eq(intent.attempts))
            .exec(db)
            .await?;
        Ok(())
    }

    /// Deletes a row that can't be read.
    pub(crate) async fn discard(self, db: &DatabaseConnection, id: Uuid) -> Result<(), Error> {
        Entity::delete_by_id(id).exec(db).await?;
        Ok(())
    }
}
