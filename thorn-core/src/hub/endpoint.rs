//! Asks the endpoints of owners' subscriptions whether they want their deliveries.

use super::machine::{LEASE, LONGEST, PAUSES, Verification};
use crate::{
    consent::Answer,
    db::with_timeout,
    error::Error,
    intent::{Intent, MOST_ATTEMPTS, note_failure, note_success, of_owner},
    subscription::{Access, Confirmation, Subscription},
    timestamp::Timestamp,
};

impl Verification {
    /// Asks the endpoint of one subscription, and draws the consequences.
    pub(super) async fn ask_endpoint(&self, intent: &Intent) -> Result<(), Error> {
        let (db, intents, id) = (&self.subscriptions.db, self.subscriptions.intents(), intent.subscription);
        let Some(subscription) = self.asking(intent).await? else {
            intents.take(db, intent).await?;
            return Ok(());
        };
        // A process has died during the last attempt.
        if intent.attempts > MOST_ATTEMPTS {
            return self.refused(intent, Confirmation::Refused { outcome: None }).await;
        }
        let host = of_owner(&intent.topic, &intent.host);
        if let Some(wait) = self.asked_too_often(&[&host]).await? {
            if Timestamp::now() + wait > intent.created_at + LONGEST {
                return self.refused(intent, Confirmation::Refused { outcome: None }).await;
            }
            return intents.put_off(db, intent, Timestamp::now() + wait, true).await;
        }
        match self.questions.ask(&self.config, intent.mode, &subscription).await {
            Answer::Yes => {
                let is_done = self.subscriptions.conclude(intent, Confirmation::Confirmed).await?;
                note_success(db, &host).await?;
                tracing::info!(subscription.id = %id, is_done, "an endpoint has confirmed");
                Ok(())
            }
            Answer::Unclear(outcome) if intent.attempts < MOST_ATTEMPTS => {
                tracing::info!(subscription.id = %id, %outcome, "an endpoint hasn't said whether it wants deliveries");
                let pause = usize::try_from(intent.attempts - 1).ok().and_then(|index| PAUSES.get(index).copied());
                intents.put_off(db, intent, Timestamp::now() + pause.unwrap_or(LEASE), false).await
            }
            Answer::No(outcome) | Answer::Unclear(outcome) => {
                self.refused(intent, Confirmation::Refused { outcome: Some(outcome) }).await?;
                note_failure(db, &host, self.config.server.hub_rates.of_host(), Timestamp::now()).await
            }
        }
    }

    /// The subscription, if its endpoint is still to be asked.
    async fn asking(&self, intent: &Intent) -> Result<Option<Subscription>, Error> {
        let found = with_timeout(&self.subscriptions.db, async {
            match self.subscriptions.get(Access::Operator, intent.subscription).await {
                Err(Error::NotFound { .. }) => Ok(None),
                found => found.map(Some),
            }
        });
        let is_asked = |one: &Subscription| {
            one.confirmation == Some(Confirmation::Pending) && one.spec.destination.url == intent.callback
        };
        Ok(found.await?.filter(is_asked))
    }

    async fn refused(&self, intent: &Intent, refused: Confirmation) -> Result<(), Error> {
        let is_done = self.subscriptions.conclude(intent, refused).await?;
        let outcome = refused.outcome().map(tracing::field::display);
        tracing::info!(subscription.id = %intent.subscription, outcome, is_done, "an endpoint hasn't confirmed");
        Ok(())
    }
}
