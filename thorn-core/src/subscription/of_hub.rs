//! Subscriptions of the hub's topics: they are granted for a time, and end.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, prelude::Uuid, sea_query::Expr,
};

use super::{
    access::not_found,
    entry::{Lease, Subscription},
    row,
    store::Subscriptions,
    write::Write,
};
use crate::{
    error::Error,
    headers::ExtraHeaders,
    id::{SubscriptionId, TopicId},
    intent::{Ended, Intent, Pending, notify_intents},
    name::TOPIC_UPDATED,
    pattern::Pattern,
    signing::{Secret, Signing},
    spec::{Destination, Dialect, SubscriptionSpec},
    tables::{
        subscription::{ActiveModel, Column, Entity, Model},
        topic,
    },
    timestamp::Timestamp,
};

/// The new state of a hub's subscription, once its callback has confirmed it.
#[derive(Clone, Debug)]
pub(crate) struct Granted<'a> {
    pub(crate) id: SubscriptionId,
    pub(crate) dialect: Dialect,
    pub(crate) callback: &'a str,
    pub(crate) signing: Signing,
    pub(crate) lease: Lease,
    /// The text that the callback gets back when it is asked whether the lease goes on.
    pub(crate) verify_token: Option<&'a Secret>,
    /// Whether nobody has asked for it. Then it changes only a subscription that hasn't ended.
    pub(crate) is_renewal: bool,
}

/// A subscription whose callback is to be asked whether its lease goes on.
pub(crate) struct Renewable {
    pub(crate) subscription: Subscription,
    /// The text that the callback gets back.
    pub(crate) verify_token: Option<Secret>,
}

/// The most live subscriptions. `None` sets no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HubBounds {
    /// The most of one topic.
    pub(crate) per_topic: Option<u64>,
    /// The most of all topics together.
    pub(crate) in_all: Option<u64>,
}

impl HubBounds {
    /// Whether there is a place for one more subscription of this topic.
    pub(crate) async fn leave_a_place<C: ConnectionTrait>(self, db: &C, topic: Option<TopicId>) -> Result<bool, Error> {
        let live = Entity::find().filter(Column::TopicId.is_not_null()).filter(Column::DeletedAt.is_null());
        if let (Some(most), Some(topic)) = (self.per_topic, topic)
            && live.clone().filter(Column::TopicId.eq(topic.as_uuid())).count(db).await? >= most
        {
            return Ok(false);
        }
        match self.in_all {
            Some(most) => Ok(live.count(db).await? < most),
            None => Ok(true),
        }
    }
}

impl Subscriptions {
    /// The requests that callbacks haven't confirmed.
    pub(crate) const fn intents(&self) -> Pending<'_> {
        Pending { key: self.key.as_ref() }
    }

    /// Whether subscriptions are in thorn's table, which the hub needs.
    pub(crate) const fn are_in_the_table(&self) -> bool {
        self.store.is_none()
    }

    /// Whether the hub has a subscription with this id that hasn't ended. Disabled ones count.
    pub(crate) async fn is_live_of_hub(&self, id: SubscriptionId, now: Timestamp) -> Result<bool, Error> {
        Ok(live(&self.db, id, now).await?.is_some())
    }

    /// Writes a subscription of the hub, or renews it. Its deliveries go on if it is there: nothing is sent twice or left
    /// out. Returns `false`, and writes nothing, if there is no place for a new one.
    pub(crate) async fn grant(
        &self,
        write: &Write,
        granted: Granted<'_>,
        bounds: HubBounds,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (txn, version) = (&write.transaction, write.version);
        let row = Entity::find_by_id(granted.id.as_uuid()).one(txn).await?;
        let is_there = row.is_some();
        let present = row.filter(|row| is_live(row, now)).map(|row| {
            // The secret is replaced, so it needn't be readable.
            row::with_unsealed(row, None, ExtraHeaders::default())
        });
        let present = present.transpose()?;
        if present.is_none() && granted.is_renewal {
            return Ok(true);
        }
        if present.is_none() && !bounds.leave_a_place(txn, Some(granted.lease.topic)).await? {
            return Ok(false);
        }
        let spec = SubscriptionSpec {
            pattern: Pattern::parse(TOPIC_UPDATED)?,
            filter: None,
            destination: Destination { signing: granted.signing, ..Destination::new(granted.callback) },
            rate: None,
            max_in_flight: None,
            dialect: granted.dialect,
        };
        let new = Subscription::new(granted.id, None, None, spec);
        let new = Subscription { lease: Some(Box::new(granted.lease)), version, ..new };
        let written = match present {
            Some(present) => Subscription {
                created_at: present.created_at,
                created_version: present.created_version,
                matches_version: present.matches_version,
                paused_at: present.paused_at,
                disabled: present.disabled,
                held: present.held,
                ..new
            },
            None => Subscription { created_version: version, matches_version: version, ..new },
        };
        let token = granted.verify_token.map(|token| row::sealed_token(&written, token, self.key.as_ref()));
        let row = ActiveModel { verify_token: Set(token.transpose()?), ..self.row(&written)? };
        if is_there {
            write.update(row).await?;
        } else {
            write.insert(row).await?;
        }
        Ok(true)
    }

    /// Ends a subscription of the hub whose callback doesn't want to hear of it any more.
    pub(crate) async fn end_in_silence(&self, id: SubscriptionId) -> Result<(), Error> {
        let write = Write::begin(&self.db).await?;
        let ended = write.delete(id).await;
        write.finish(ended).await.map(drop)
    }

    /// Ends a subscription of the hub. Its callback is told why.
    pub(crate) async fn end_of_hub(&self, id: SubscriptionId, ended: Ended<'_>) -> Result<(), Error> {
        let denial = Intent::denial(id, ended, Timestamp::now());
        let write = Write::begin(&self.db).await?;
        let done = match write.delete(id).await {
            Ok(true) => self.intents().replace(&write.transaction, &denial).await,
            // Somebody else has ended it since it was read.
            Ok(false) => Err(not_found(id)),
            Err(error) => Err(error),
        };
        write.finish(done).await?;
        notify_intents();
        Ok(())
    }

    /// Live subscriptions whose topics are deleted, at most so many.
    pub(crate) async fn without_topics(&self, most: u64) -> Result<Vec<Subscription>, Error> {
        let topics = topic::Entity::find().select_only().column(topic::Column::Id).into_query();
        let rows = Entity::find()
            .filter(Column::TopicId.is_not_null())
            .filter(Column::TopicId.not_in_subquery(topics))
            .filter(Column::DeletedAt.is_null());
        let rows = rows.limit(most).all(&self.db).await?;
        // The fields that are needed of them aren't encrypted.
        rows.into_iter().map(|row| row::with_unsealed(row, None, ExtraHeaders::default())).collect()
    }

    /// Subscriptions whose callbacks are to be asked whether their leases go on.
    pub(crate) async fn to_renew(&self, now: Timestamp, most: u64) -> Result<Vec<Renewable>, Error> {
        let rows = Entity::find().filter(Column::RenewAt.lte(now.as_millis())).filter(Column::DeletedAt.is_null());
        let rows = rows.order_by_asc(Column::RenewAt).limit(most).all(&self.db).await?;
        let key = self.key.as_ref();
        let renewable = |row: Model| {
            let verify_token = row::verify_token(&row, key)?;
            Ok::<_, Error>(Renewable { subscription: row::read(row, key)?, verify_token })
        };
        let read = |row| match renewable(row) {
            Ok(renewable) => Some(renewable),
            Err(error) => {
                tracing::warn!(%error, "a lease can't be renewed");
                None
            }
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Notes that the callback of a subscription was asked about its lease. Returns `false` if another process was first.
    pub(crate) async fn note_renewal<C: ConnectionTrait>(
        &self,
        db: &C,
        id: SubscriptionId,
        renew_at: Timestamp,
    ) -> Result<bool, Error> {
        let noted = Entity::update_many()
            .col_expr(Column::RenewAt, Expr::value(None::<i64>))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::RenewAt.eq(renew_at.as_millis()));
        Ok(noted.exec(db).await?.rows_affected > 0)
    }

    /// Deletes subscriptions whose leases are over, a bounded number. Returns whether there may be more.
    pub(crate) async fn end_leases(&self, now: Timestamp, most: u64) -> Result<bool, Error> {
        let over = ids_over(&self.db, now, most).await?;
        for id in &over {
            let write = Write::begin(&self.db).await?;
            // A new lease may have been granted since.
            let is_over = live(&write.transaction, *id, now).await.map(|row| row.is_none());
            let ended = match is_over {
                Ok(true) => write.delete(*id).await,
                other => other.map(|_| false),
            };
            write.finish(ended).await?;
        }
        Ok(over.len() as u64 == most)
    }
}

async fn ids_over(db: &DatabaseConnection, now: Timestamp, most: u64) -> Result<Vec<SubscriptionId>, Error> {
    let over = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ExpiresAt.lte(now.as_millis()))
        .filter(Column::DeletedAt.is_null());
    let ids: Vec<Uuid> = over.order_by_asc(Column::ExpiresAt).limit(most).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(SubscriptionId::from_uuid).collect())
}

async fn live<C: ConnectionTrait>(db: &C, id: SubscriptionId, now: Timestamp) -> Result<Option<Model>, Error> {
    Ok(Entity::find_by_id(id.as_uuid()).one(db).await?.filter(|row| is_live(row, now)))
}

fn is_live(row: &Model, now: Timestamp) -> bool {
    row.deleted_at.is_none() && row.topic_id.is_some() && row.expires_at.is_some_and(|end| end > now.as_millis())
}
