//! Lets deliveries go on that were kept for a pause which is over.
//!
//! Resuming a subscription makes its kept deliveries due. A worker that didn't know of it yet may keep one a moment later.
//! And a subscription may be deleted or disabled while it is paused, so that its deliveries are to be cancelled.

use sea_orm::{FromQueryResult, Value, prelude::Uuid};

use super::Relay;
use crate::{
    db::statement,
    error::Error,
    id::SubscriptionId,
    subscription::{UNTIL_RESUMED, bring_forward},
};

/// Subscriptions that one run looks at.
const STEPS: usize = 32;

#[derive(FromQueryResult)]
struct Keeps {
    subscription_id: Uuid,
}

impl Relay {
    /// Looks at the next subscriptions with kept deliveries, and makes the deliveries of those due that keep none any more.
    /// `cursor` is the subscription at which the last run ended.
    pub(super) async fn release_kept(&self, cursor: &mut Uuid) -> Result<(), Error> {
        for step in 0..STEPS {
            let Some(id) = self.keeps_after(*cursor).await? else {
                *cursor = Uuid::nil();
                return Ok(());
            };
            if step == 0 {
                self.registry.refresh(&self.db).await?;
            }
            *cursor = id;
            let id = SubscriptionId::from_uuid(id);
            let is_kept = self.registry.get(id).is_some_and(|one| one.kept_since().is_some());
            if !is_kept && !self.registry.is_unreadable(id) {
                bring_forward(&self.db, id).await?;
            }
        }
        Ok(())
    }

    /// The next subscription with kept deliveries. It costs one step in the index, however many there are.
    async fn keeps_after(&self, cursor: Uuid) -> Result<Option<Uuid>, Error> {
        let sql = "SELECT subscription_id FROM thorn_delivery WHERE next_attempt_at = ? AND subscription_id > ? \
                   ORDER BY subscription_id LIMIT 1";
        let values = [Value::from(UNTIL_RESUMED.as_millis()), cursor.into()];
        let query = Keeps::find_by_statement(statement(self.db.get_database_backend(), sql, values));
        Ok(query.one(&self.db).await?.map(|keeps| keeps.subscription_id))
    }
}
