//! Ends pauses that have lasted for too long, or that keep too many deliveries.

use sea_orm::{ConnectionTrait as _, Value};

use super::executor::Executor;
use crate::{
    attempt::PausePolicy,
    db::{statement, with_timeout},
    endpoint::Endpoint,
    error::Error,
    subscription::{Subscription, UNTIL_RESUMED},
    timestamp::Timestamp,
};

/// A process counts what a subscription keeps once in so many deliveries, because counting reads them all.
const COUNTED_EVERY: u64 = 10_000;

impl Executor {
    /// Keeps a delivery to a paused subscription. Disables the subscription if its pause is over the bounds; the relay
    /// then cancels what it has kept.
    pub(super) async fn keep(&self, subscription: &Subscription, endpoint: &Endpoint, paused_at: Timestamp) {
        let reason = match self.end_of_pause(subscription, endpoint, paused_at).await {
            Ok(Some(reason)) => reason,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(subscription.id = %subscription.id, %error, "can't count what a subscription keeps");
                return;
            }
        };
        tracing::warn!(subscription.id = %subscription.id, "disabling a subscription: {reason}");
        let disabled = self.consequences.subscriptions.disable(subscription.id, &reason);
        if let Err(error) = with_timeout(&self.db, disabled).await {
            tracing::error!(subscription.id = %subscription.id, %error, "can't disable a subscription");
        }
    }

    /// Why the pause ends, if it does.
    async fn end_of_pause(
        &self,
        subscription: &Subscription,
        endpoint: &Endpoint,
        paused_at: Timestamp,
    ) -> Result<Option<String>, Error> {
        let PausePolicy { longest, most_kept } = self.consequences.pause;
        if longest.is_some_and(|longest| Timestamp::now().since(paused_at) > longest) {
            return Ok(Some(format!("it has been paused since {paused_at}")));
        }
        let Some(most) = most_kept else { return Ok(None) };
        let counted_every = (most / 10).clamp(1, COUNTED_EVERY);
        if endpoint.kept_before().is_multiple_of(counted_every) && self.keeps_more_than(most, subscription).await? {
            return Ok(Some(format!("it has kept more than {most} deliveries since it was paused")));
        }
        Ok(None)
    }

    async fn keeps_more_than(&self, most: u64, subscription: &Subscription) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM thorn_delivery WHERE next_attempt_at = ? AND subscription_id = ? LIMIT 1 OFFSET ?";
        let values = [Value::from(UNTIL_RESUMED.as_millis()), subscription.id.as_uuid().into(), most.into()];
        let query = statement(self.db.get_database_backend(), sql, values);
        Ok(with_timeout(&self.db, async { Ok(self.db.query_one_raw(query).await?) }).await?.is_some())
    }
}
