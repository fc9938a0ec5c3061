//! Versions of a hub's topic: each subscription gets them one at a time, and never an older one after a newer one.
//!
//! While an attempt is under way in any process, the next one waits. An attempt that has its turn looks which version is
//! the newest. A newer version could only be sent before it by an attempt that had its turn earlier, and then the look
//! finds that version.

use std::time::Duration;

use sea_orm::Value;

use super::executor::Executor;
use crate::{
    attempt::{DeliveryState, spread_pause},
    db::{statement, transaction, with_timeout},
    error::Error,
    fanout::ChunkEvent,
    id::{EventId, SubscriptionId, TopicId},
    subscription::Subscription,
    timestamp::Timestamp,
    topic::latest_event,
};

/// Time for the statements around an attempt, besides its timeout.
const GRACE: Duration = Duration::from_secs(10);

/// Wait of a delivery while another one has the turn, or if the database fails.
const TAKEN: Duration = Duration::from_millis(500);

/// When a delivery that hasn't got its turn tries again. Several may wait for the same one.
fn after_the_turn(now: Timestamp) -> Timestamp {
    now + spread_pause(TAKEN, rand::random())
}

/// Whether a delivery has its turn.
pub(super) enum Turn {
    /// The subscription isn't one of a hub's topic.
    NotNeeded,
    /// It has. Until this time, no other delivery to the subscription is made.
    Taken(TopicTurn),
    /// Another delivery has it. Try again at this time.
    Later(Timestamp),
    /// A newer version has replaced the delivery's, or the topic was deleted.
    Superseded,
}

/// The turn of a delivery at its subscription.
#[derive(Clone, Copy, Debug)]
pub(super) struct TopicTurn {
    subscription: SubscriptionId,
    until: Timestamp,
}

impl Executor {
    /// Takes the turn of a delivery to a subscription of a hub's topic.
    pub(super) async fn topic_turn(&self, subscription: Option<&Subscription>, event: &ChunkEvent) -> Turn {
        let of_topic = subscription.and_then(|one| Some((one.id, one.lease.as_ref()?.topic)));
        let Some((id, topic)) = of_topic else { return Turn::NotNeeded };
        // Rare, and the box keeps the future of every other delivery small.
        Box::pin(async move {
            let timeout = self.timeout(event.own_timeout());
            match with_timeout(&self.db, self.take_turn(id, topic, event.id, timeout)).await {
                Ok(turn) => turn,
                Err(error) => {
                    tracing::warn!(subscription.id = %id, %error, "can't take the turn of a topic's delivery");
                    Turn::Later(after_the_turn(Timestamp::now()))
                }
            }
        })
        .await
    }

    async fn take_turn(
        &self,
        subscription: SubscriptionId,
        topic: TopicId,
        event: EventId,
        timeout: Duration,
    ) -> Result<Turn, Error> {
        let now = Timestamp::now();
        let until = now + timeout + GRACE;
        let backend = self.db.get_database_backend();
        // A turn that ends later than any could is from before the clock was set back.
        let sql = "UPDATE thorn_subscription SET sending_until = ? \
                   WHERE id = ? AND (sending_until IS NULL OR sending_until <= ? OR sending_until > ?)";
        let values: [Value; 4] = [
            until.as_millis().into(),
            subscription.as_uuid().into(),
            now.as_millis().into(),
            (until + GRACE * 60).as_millis().into(),
        ];
        if transaction::execute_in_own_transaction(&self.db, statement(backend, sql, values)).await? == 0 {
            return Ok(Turn::Later(after_the_turn(now)));
        }
        let turn = TopicTurn { subscription, until };
        if latest_event(&self.db, topic).await? != Some(event) {
            self.give_back(turn).await?;
            return Ok(Turn::Superseded);
        }
        // Older versions that wait are never sent. Without this, they would wait until their next attempt.
        let sql = "UPDATE thorn_delivery SET state = ?, next_attempt_at = NULL \
                   WHERE subscription_id = ? AND state = ? AND event_id <> ?";
        let values: [Value; 4] = [
            DeliveryState::Cancelled.as_str().into(),
            subscription.as_uuid().into(),
            DeliveryState::Waiting.as_str().into(),
            event.as_uuid().into(),
        ];
        transaction::execute_in_own_transaction(&self.db, statement(backend, sql, values)).await?;
        Ok(Turn::Taken(turn))
    }

    /// Lets the next delivery to the subscription have its turn.
    pub(super) async fn end_turn(&self, turn: Option<TopicTurn>) {
        let Some(turn) = turn else { return };
        if let Err(error) = Box::pin(with_timeout(&self.db, self.give_back(turn))).await {
            tracing::warn!(subscription.id = %turn.subscription, %error, "can't end the turn of a topic's delivery; it ends by itself");
        }
    }

    async fn give_back(&self, TopicTurn { subscription, until }: TopicTurn) -> Result<(), Error> {
        let sql = "UPDATE thorn_subscription SET sending_until = NULL WHERE id = ? AND sending_until = ?";
        let values: [Value; 2] = [subscription.as_uuid().into(), until.as_millis().into()];
        let ended = statement(self.db.get_database_backend(), sql, values);
        transaction::execute_in_own_transaction(&self.db, ended).await?;
        Ok(())
    }
}
