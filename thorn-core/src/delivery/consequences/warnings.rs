//! Warns of subscriptions that keep failing, before they are disabled.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    announcement::warning,
    health::{announce, finish_with},
};
use crate::{
    error::Error,
    subscription::{Subscription, Subscriptions, Warning, Write},
    timestamp::Timestamp,
};

/// How long a subscription fails before the first warning.
const FAILING: Duration = Duration::from_secs(15 * 60);

impl Subscriptions {
    /// Sends the event of the warning that is due, unless it was sent before. Each is sent once while the subscription
    /// keeps failing, however many workers there are.
    pub(super) async fn warn(
        &self,
        subscription: &Subscription,
        since: Timestamp,
        now: Timestamp,
        patience: Option<Duration>,
    ) -> Result<(), Error> {
        let Some(due) = due(now.since(since), patience).filter(|due| subscription.warned < Some(*due)) else {
            return Ok(());
        };
        tracing::warn!(subscription.id = %subscription.id, failing_since = %since, "a subscription keeps failing");
        let announcement = warning(subscription, due, since, patience.map(|patience| since + patience))?;
        if let Some(store) = &self.store {
            let is_new = AtomicBool::new(false);
            let note = |before: &Subscription, version| {
                let is_failing = before.failing_since == Some(since) && before.disabled.is_none();
                let is_due = is_failing && before.warned < Some(due);
                is_new.store(is_due, Ordering::Relaxed);
                is_due.then(|| Subscription { warned: Some(due), version, ..before.clone() })
            };
            store.update(subscription.id, &note).await?;
            return if is_new.into_inner() { announce(&self.db, announcement).await } else { Ok(()) };
        }
        let write = Write::begin(&self.db).await?;
        let is_new = write.note_warning(subscription.id, since, due).await;
        finish_with(write, is_new, announcement).await
    }
}

/// The latest warning that is due after this time of failures.
fn due(failing_for: Duration, patience: Option<Duration>) -> Option<Warning> {
    match patience {
        Some(patience) if failing_for >= patience.mul_f64(0.9) => Some(Warning::NearlyExpired),
        Some(patience) if failing_for >= patience / 2 => Some(Warning::HalfExpired),
        _ if failing_for >= FAILING => Some(Warning::Failing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: fn(u64) -> Duration = |minutes| Duration::from_secs(60 * minutes);

    #[test]
    fn warnings_come_after_15_minutes_half_the_patience_and_nine_tenths_of_it() {
        let day = Some(MINUTES(24 * 60));
        for (minutes, patience, expected) in [
            (14, day, None),
            (15, day, Some(Warning::Failing)),
            (12 * 60, day, Some(Warning::HalfExpired)),
            (22 * 60, day, Some(Warning::NearlyExpired)),
            (5, Some(MINUTES(10)), Some(Warning::HalfExpired)),
            (9, Some(MINUTES(10)), Some(Warning::NearlyExpired)),
            (1_000_000, None, Some(Warning::Failing)),
        ] {
            assert_eq!(due(MINUTES(minutes), patience), expected, "{minutes} minutes of {patience:?}");
        }
    }
}
