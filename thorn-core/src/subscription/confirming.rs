//! Asks owners' endpoints whether they want the deliveries of a subscription.
//!
//! An intent asks the endpoint, and its answer changes the subscription. Meanwhile its deliveries are kept, as in a pause.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, prelude::Uuid, sea_query::Expr,
};

use super::{
    access::{Access, find},
    confirmation::{CONFIRMED, Confirm, Confirmation, PENDING},
    entry::Subscription,
    held_deliveries::bring_forward,
    row,
    store::Subscriptions,
    write::Write,
};
use crate::{
    error::Error,
    id::SubscriptionId,
    intent::{Intent, notify_intents},
    spec::normal_host,
    tables::subscription::{Column, Entity, Model},
    timestamp::Timestamp,
};

impl Subscriptions {
    /// Asks the endpoint of a subscription again whether it wants deliveries. The answer comes later.
    ///
    /// Nothing changes if the endpoint has confirmed, or if none is asked for. Returns the subscription as it is then.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription doesn't exist or the caller may not see it; [`Error::Secret`] if its
    /// secret or headers can't be decrypted; [`Error::Database`]; with a store of the application's own, that store's
    /// error.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example(thorn: &thorn_core::Thorn, id: thorn_core::SubscriptionId) -> Result<(), thorn_core::Error> {
    /// use thorn_core::subscription::Access;
    ///
    /// let subscription = thorn.subscriptions().confirm(Access::Owner("alice"), id).await?;
    /// assert_eq!(subscription.id, id);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn confirm(&self, access: Access<'_>, id: SubscriptionId) -> Result<Subscription, Error> {
        let present = self.get(access, id).await?;
        if !present.lacks_confirmation() || self.store.is_some() {
            return Ok(present);
        }
        let write = Write::begin(&self.db).await?;
        let asked = self.ask_again(&write, access, id).await;
        let asked = write.finish(asked).await?;
        notify_intents();
        if asked.kept_since().is_none() {
            bring_forward(&self.db, id).await?;
        }
        Ok(asked)
    }

    async fn ask_again(&self, write: &Write, access: Access<'_>, id: SubscriptionId) -> Result<Subscription, Error> {
        let before = row::read(find(&write.transaction, access, id).await?, self.key.as_ref())?;
        if !before.lacks_confirmation() {
            return Ok(before);
        }
        let confirmation = self.required(&write.transaction, &before).await?;
        let after = Subscription { updated_at: Timestamp::now(), version: write.version, ..before };
        let after = after.with_confirmation(confirmation);
        write.update(self.row(&after)?).await?;
        self.ask(&write.transaction, &after).await?;
        Ok(after)
    }

    /// What a new subscription, or one with a new URL, needs from its endpoint. An endpoint that has confirmed another
    /// subscription of the same owner isn't asked again.
    pub(super) async fn required<C: ConnectionTrait>(
        &self,
        db: &C,
        new: &Subscription,
    ) -> Result<Option<Confirmation>, Error> {
        let identity = row::identity(new);
        let (Some(owner), Some(host), Some(_)) =
            (new.owner.as_deref(), identity.counted_host(), self.confirm.mode(new.spec.dialect))
        else {
            return Ok(None);
        };
        let confirmed = of_endpoint(owner, &host, identity.url)
            .filter(Column::Confirmation.eq(CONFIRMED))
            .filter(Column::Id.ne(new.id.as_uuid()));
        Ok(Some(if confirmed.count(db).await? > 0 { Confirmation::Confirmed } else { Confirmation::Pending }))
    }

    /// What a changed subscription needs from its endpoint. An operator may give it any URL.
    pub(super) async fn required_after<C: ConnectionTrait>(
        &self,
        db: &C,
        access: Access<'_>,
        before: &Subscription,
        after: &Subscription,
    ) -> Result<Option<Confirmation>, Error> {
        if before.spec.destination.url == after.spec.destination.url {
            return Ok(before.confirmation);
        }
        if access == Access::Operator { Ok(None) } else { self.required(db, after).await }
    }

    /// A link of a webhook with what it needs from its endpoint. `present` is its row, if there is one.
    pub(super) async fn confirming(
        &self,
        write: &Write,
        link: Subscription,
        present: Option<&Model>,
    ) -> Result<Subscription, Error> {
        let confirmation = match present.filter(|row| row.url == link.spec.destination.url) {
            Some(row) => row.confirmation.as_deref().and_then(Confirmation::of_stored),
            None => self.required(&write.transaction, &link).await?,
        };
        Ok(Subscription { confirmation, ..link })
    }

    /// Writes the question to the endpoint in place of an earlier one, or deletes that if nothing is to be asked.
    pub(super) async fn ask<C: ConnectionTrait>(&self, db: &C, subscription: &Subscription) -> Result<(), Error> {
        let dialect = subscription.spec.dialect;
        let mode = match subscription.confirmation {
            // A process that asks nobody asks on, in the default way.
            Some(Confirmation::Pending) => self.confirm.mode(dialect).or_else(|| Confirm::Challenge.mode(dialect)),
            _ => None,
        };
        let (Some(owner), Some(mode)) = (&subscription.owner, mode) else {
            return self.intents().drop_of(db, subscription.id).await;
        };
        let url = &subscription.spec.destination.url;
        self.intents().replace(db, &Intent::question(mode, subscription.id, owner, url, Timestamp::now())).await
    }

    /// Draws the consequences of an endpoint's answer. Returns `false` if the question has been replaced or taken back:
    /// then the answer counts for nothing.
    ///
    /// An endpoint that confirms does so for all subscriptions of the owner with its URL that wait for it.
    pub(crate) async fn conclude(&self, intent: &Intent, answer: Confirmation) -> Result<bool, Error> {
        let mut write = Write::begin(&self.db).await?;
        let concluded = self.conclude_all(&mut write, intent, answer).await;
        let concluded = write.finish(concluded).await?;
        if answer == Confirmation::Confirmed {
            for id in &concluded {
                // Those of a paused subscription are kept again.
                bring_forward(&self.db, *id).await?;
            }
        }
        Ok(!concluded.is_empty())
    }

    async fn conclude_all(
        &self,
        write: &mut Write,
        intent: &Intent,
        answer: Confirmation,
    ) -> Result<Vec<SubscriptionId>, Error> {
        if !self.intents().take(&write.transaction, intent).await? {
            return Ok(Vec::new());
        }
        let (owner, url) = (&*intent.topic, &*intent.callback);
        let mut waiting = of_endpoint(owner, &normal_host(url), url).filter(Column::Confirmation.eq(PENDING));
        if answer != Confirmation::Confirmed {
            waiting = waiting.filter(Column::Id.eq(intent.subscription.as_uuid()));
        }
        let waiting: Vec<Uuid> = waiting.into_tuple().all(&write.transaction).await?;
        if !waiting.contains(&intent.subscription.as_uuid()) {
            return Ok(Vec::new());
        }
        let waiting: Vec<SubscriptionId> = waiting.into_iter().map(SubscriptionId::from_uuid).collect();
        for id in &waiting {
            write.next_row().await?;
            self.intents().drop_of(&write.transaction, *id).await?;
            Entity::update_many()
                .col_expr(Column::Confirmation, Expr::value(answer.stored()))
                .col_expr(Column::Version, Expr::value(write.version))
                .filter(Column::Id.eq(id.as_uuid()))
                .exec(&write.transaction)
                .await?;
        }
        Ok(waiting)
    }
}

/// The owner's subscriptions with this URL. An index has them by owner and host.
fn of_endpoint(owner: &str, host: &str, url: &str) -> sea_orm::Select<Entity> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Owner.eq(owner))
        .filter(Column::CountedHost.eq(host))
        .filter(Column::Url.eq(url))
        .filter(Column::DeletedAt.is_null())
}
