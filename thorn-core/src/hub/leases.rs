//! Ends leases that are over, and asks subscribers of `PubSubHubbub` before whether they go on.

use sea_orm::prelude::Uuid;

use crate::{
    db::transaction,
    error::Error,
    intent::{Ended, Intent, IntentMode, MOST_ATTEMPTS, forget_quiet},
    spec::normal_host,
    subscription::{Lease, Renewable, Subscriptions},
    timestamp::Timestamp,
};

/// Subscriptions that are ended or asked about in one turn.
const AT_ONCE: u64 = 100;

/// Ends leases and renews them, a bounded number. Returns whether there may be more.
pub(super) async fn look_after(subscriptions: &Subscriptions, now: Timestamp) -> Result<bool, Error> {
    for renewable in subscriptions.to_renew(now, AT_ONCE).await? {
        if let Some(Lease { renew_at: Some(renew_at), .. }) = renewable.subscription.lease.as_deref() {
            ask(subscriptions, &renewable, *renew_at, now).await?;
        }
    }
    let more = subscriptions.end_leases(now, AT_ONCE).await?;
    forget_quiet(&subscriptions.db, now).await?;
    Ok(more)
}

/// Ends subscriptions whose topics are deleted, a bounded number, and lets their callbacks be told. Returns whether there may
/// be more.
pub(super) async fn end_without_topics(subscriptions: &Subscriptions) -> Result<bool, Error> {
    let without = subscriptions.without_topics(AT_ONCE).await?;
    for one in &without {
        let Some(lease) = &one.lease else { continue };
        let reason = "the hub doesn't distribute this topic any more";
        let (dialect, callback) = (one.spec.dialect, &*one.spec.destination.url);
        let ended = subscriptions.end_of_hub(one.id, Ended { dialect, topic: &lease.topic_given, callback, reason });
        match ended.await {
            // It has ended by itself.
            Err(Error::NotFound { .. }) => {}
            ended => ended?,
        }
    }
    Ok(without.len() as u64 == AT_ONCE)
}

/// Writes the intent that asks the callback, unless something else waits for its answer.
async fn ask(
    subscriptions: &Subscriptions,
    about: &Renewable,
    renew_at: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    let intents = subscriptions.intents();
    let txn = transaction::begin(&subscriptions.db).await?;
    // A subscriber who has just asked for something else has said more than the answer would.
    let is_first = subscriptions.note_renewal(&txn, about.subscription.id, renew_at).await?;
    if is_first
        && !intents.is_there(&txn, about.subscription.id).await?
        && let Some(intent) = renewal(about, now)
    {
        intents.replace(&txn, &intent).await?;
    }
    txn.commit().await?;
    Ok(())
}

/// An intent that asks the callback once whether the lease goes on, for as long as before. If it doesn't say so, the
/// subscription ends with its lease.
fn renewal(Renewable { subscription: about, verify_token }: &Renewable, now: Timestamp) -> Option<Intent> {
    let lease = about.lease.as_ref()?;
    let destination = &about.spec.destination;
    // Nine tenths of the lease had passed when the hub was to ask.
    let tenth = lease.expires_at.as_millis() - lease.renew_at?.as_millis();
    Some(Intent {
        id: Uuid::now_v7(),
        subscription: about.id,
        mode: IntentMode::Renew,
        dialect: about.spec.dialect,
        topic: lease.topic_given.clone(),
        callback: destination.url.clone(),
        host: normal_host(&destination.url),
        address: String::new(),
        digest: destination.signing.digest,
        secret: destination.signing.secret.clone(),
        lease: (tenth / 100).max(1),
        verify_token: verify_token.clone(),
        reason: None,
        attempts: MOST_ATTEMPTS - 1,
        created_at: now,
        due: now,
    })
}
