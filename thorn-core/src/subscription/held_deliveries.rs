//! The deliveries that wait while a subscription is held or paused.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Value};

use crate::{
    attempt::DeliveryState, db::statement, endpoint::forget_slowing, error::Error, id::SubscriptionId, process,
    timestamp::Timestamp,
};

/// The due time of deliveries that a paused subscription keeps: the end of the year 9999.
pub(crate) const UNTIL_RESUMED: Timestamp = Timestamp::from_millis(253_402_300_799_000);

/// Rows of one statement. A statement locks its rows until it ends.
const STEP: u64 = 500;

/// Makes all waiting deliveries of a subscription due. The relay takes no more of them than its hold and its lane let
/// through.
pub(crate) async fn bring_forward(db: &DatabaseConnection, id: SubscriptionId) -> Result<(), Error> {
    let now = Timestamp::now().as_millis();
    forget_slowing(db, id).await?;
    change_waiting(db, id, "next_attempt_at = ?", now.into(), now).await?;
    process::notify();
    Ok(())
}

/// Cancels all waiting deliveries of a subscription.
pub(super) async fn discard_waiting(db: &DatabaseConnection, id: SubscriptionId) -> Result<(), Error> {
    let cancelled = Value::from(DeliveryState::Cancelled.as_str());
    change_waiting(db, id, "next_attempt_at = NULL, state = ?", cancelled, i64::MIN).await
}

/// Changes the waiting deliveries of a subscription that are due later than `after`, step by step.
async fn change_waiting(
    db: &DatabaseConnection,
    id: SubscriptionId,
    set: &str,
    value: Value,
    after: i64,
) -> Result<(), Error> {
    let backend = db.get_database_backend();
    let of = format!("subscription_id = ? AND next_attempt_at > ? ORDER BY next_attempt_at LIMIT {STEP}");
    let sql = match backend {
        DbBackend::MySql => format!("UPDATE thorn_delivery SET {set} WHERE {of}"),
        // A delivery may arrive between the two, and then it waits no more.
        _ => format!(
            "UPDATE thorn_delivery SET {set} WHERE state = 'waiting' AND id IN \
             (SELECT id FROM thorn_delivery WHERE state = 'waiting' AND {of})"
        ),
    };
    loop {
        let values = [value.clone(), id.as_uuid().into(), after.into()];
        if db.execute_raw(statement(backend, &sql, values)).await?.rows_affected() < STEP {
            return Ok(());
        }
    }
}
