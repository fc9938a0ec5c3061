//! Writes many records with a handful of statements.

use std::collections::{HashMap, HashSet};

use sea_orm::{ActiveValue, ActiveValue::Set, ConnectionTrait, EntityTrait, QueryFilter, prelude::Uuid};

use super::{
    Record, delivered,
    delivered::{BOUND, is_delivered},
    insert::{COLUMNS, RowConflict, insert},
};
use crate::{
    attempt::DeliveryState,
    db::{batches, one_of},
    error::Error,
    id::DeliveryId,
    outbox,
    tables::delivery::{Column, Entity, Model, attempt},
};

/// The most ids of one `IN (…)`.
pub(super) const IDS_PER_QUERY: usize = 500;

/// Writes records with several statements. The caller provides the transaction.
pub(crate) async fn write<C: ConnectionTrait>(db: &C, records: &[Record]) -> Result<(), Error> {
    let (again, first): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.has_row);
    let (attempted, unattempted): (Vec<_>, Vec<_>) = first.into_iter().partition(|record| record.attempt.is_some());
    // A chunk that ran twice brings first attempts twice. The first one that is written counts.
    let mut seen = HashSet::with_capacity(attempted.len());
    let attempted = attempted.into_iter().filter(|record| seen.insert(record.delivery.as_uuid()));
    let (delivered, attempted): (Vec<_>, Vec<_>) = attempted.partition(|record| is_delivered(record));
    for batch in batches(delivered, BOUND, bytes) {
        delivered::insert(db, &batch).await?;
    }
    // The other run may have made no attempt, for instance because a newer version of a topic had come. Whichever run is
    // recorded first, the attempt counts.
    for batch in batches(attempted, COLUMNS.len(), bytes) {
        insert(db, &batch, RowConflict::TakeAttempt).await?;
    }
    for batch in batches(unattempted, COLUMNS.len(), bytes) {
        insert(db, &batch, RowConflict::Keep).await?;
    }
    for batch in batches(again, COLUMNS.len(), bytes) {
        rewrite(db, &batch).await?;
    }
    let announcing: Vec<_> = records.iter().filter(|record| !record.announcements.is_empty()).collect();
    if announcing.is_empty() { Ok(()) } else { Box::pin(announce(db, &announcing)).await }
}

/// Writes the events about these deliveries. If another run of a task recorded another end of an attempt, that run
/// has written its events, and these are about something that never happened.
async fn announce<C: ConnectionTrait>(db: &C, records: &[&Record]) -> Result<(), Error> {
    let current = rows(db, records.iter().map(|record| record.delivery)).await?;
    let holds = |record: &&&Record| {
        let row = current.get(&record.delivery.as_uuid());
        row.is_some_and(|row| is_about(record, row))
    };
    let events = records.iter().filter(holds).flat_map(|record| record.announcements.iter().cloned());
    outbox::write_once(db, events.collect()).await
}

/// Whether the row has the attempt of this record.
fn is_about(record: &Record, row: &Model) -> bool {
    let attempted_at = record.attempt.as_ref().map(|attempt| attempt.attempted_at.as_millis());
    row.state == record.state.as_str()
        && i32::try_from(record.attempts) == Ok(row.attempts)
        && row.attempted_at == attempted_at
}

/// Moves the attempts of existing rows to `thorn_attempt`, and writes the new ones.
async fn rewrite<C: ConnectionTrait>(db: &C, records: &[&Record]) -> Result<(), Error> {
    let current = rows(db, records.iter().map(|record| record.delivery)).await?;
    let held = |record: &Record| current.get(&record.delivery.as_uuid());
    // A task that ran twice must not undo what the other run recorded, not even in this batch.
    let mut seen = HashSet::with_capacity(records.len());
    let fresh = records.iter().copied().filter(|record| {
        held(record).is_none_or(|row| supersedes(record, row)) && seen.insert(record.delivery.as_uuid())
    });
    let (attempted, waiting): (Vec<&Record>, Vec<_>) = fresh.partition(|record| record.attempt.is_some());
    let past = attempted.iter().filter_map(|record| held(record)).filter(|row| row.attempted_at.is_some());
    let past: Vec<_> = past.map(past_attempt).collect();
    for past in batches(past, COLUMNS.len(), past_bytes) {
        attempt::Entity::insert_many(past).exec_without_returning(db).await?;
    }
    insert(db, &attempted, RowConflict::TakeAttempt).await?;
    insert(db, &waiting, RowConflict::Wait).await
}

fn supersedes(record: &Record, row: &Model) -> bool {
    let made = i32::try_from(record.attempts).unwrap_or(i32::MAX);
    match record.attempt {
        Some(_) => made > row.attempts,
        None => made == row.attempts && row.state == DeliveryState::Waiting.as_str(),
    }
}

async fn rows<C: ConnectionTrait>(
    db: &C,
    ids: impl IntoIterator<Item = DeliveryId>,
) -> Result<HashMap<Uuid, Model>, Error> {
    let ids: Vec<Uuid> = ids.into_iter().map(DeliveryId::as_uuid).collect();
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_QUERY) {
        let rows = Entity::find().filter(one_of(db, Column::Id, ids.iter().copied())).all(db).await?;
        found.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(found)
}

/// The length of a record's long texts: the receiver's answer and the error.
fn bytes(record: &&Record) -> usize {
    let attempt = record.attempt.as_ref();
    attempt.map_or(0, |attempt| {
        attempt.response.as_ref().map_or(0, String::len) + attempt.error.as_ref().map_or(0, String::len)
    })
}

fn past_bytes(row: &attempt::ActiveModel) -> usize {
    let length = |text: &ActiveValue<Option<String>>| text.try_as_ref().and_then(Option::as_ref).map_or(0, String::len);
    length(&row.response) + length(&row.error)
}

fn past_attempt(row: &Model) -> attempt::ActiveModel {
    attempt::ActiveModel {
        delivery_id: Set(row.id),
        number: Set(row.attempts),
        attempted_at: Set(row.attempted_at),
        duration_ms: Set(row.duration_ms),
        outcome: Set(row.outcome.clone()),
        status_code: Set(row.status_code),
        error: Set(row.error.clone()),
        response: Set(row.response.clone()),
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        attempt::{Attempt, Outcome},
        id::{EventId, SubscriptionId},
        timestamp::Timestamp,
    };

    /// A delivery to be recorded, due now.
    fn failed(event: EventId, subscription: SubscriptionId, attempts: u32) -> Record {
        let now = Timestamp::now();
        Record {
            announcements: Vec::new(),
            delivery: DeliveryId::derive(event, subscription),
            event,
            subscription,
            state: DeliveryState::Waiting,
            attempts,
            uncounted: 0,
            next_attempt_at: Some(now),
            attempt: Some(Attempt {
                outcome: Outcome::Rejected,
                attempted_at: now,
                duration: Duration::ZERO,
                status: Some(500),
                response: None,
                error: Some("it answered 500".to_owned()),
                retry_after: None,
            }),
            note: None,
            has_row: attempts > 1,
            now,
            since: tokio::time::Instant::now(),
        }
    }

    /// The record of the same delivery once it has succeeded.
    fn delivered(record: &Record) -> Record {
        let success = |attempt| Attempt { outcome: Outcome::Delivered, status: Some(200), error: None, ..attempt };
        let attempt = record.attempt.clone().map(success);
        Record { state: DeliveryState::Delivered, next_attempt_at: None, attempt, ..record.clone() }
    }

    /// The record of the same delivery by a run that made no attempt.
    fn unattempted(record: &Record, state: DeliveryState) -> Record {
        let next_attempt_at = record.next_attempt_at.filter(|_| state == DeliveryState::Waiting);
        let note = Some("a newer version of the topic has replaced this one");
        let attempts = record.attempts - 1;
        Record { state, attempts, next_attempt_at, attempt: None, note, ..record.clone() }
    }

    #[tokio::test]
    async fn a_retry_that_ran_twice_at_once_is_recorded_once() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let (event, subscription) = (EventId::generate(), SubscriptionId::generate());
        write(&db, &[failed(event, subscription, 1)]).await.unwrap();
        let again = failed(event, subscription, 2);
        write(&db, &[again.clone(), again]).await.unwrap();
        let rows = Entity::find().all(&db).await.unwrap();
        assert_eq!((rows.len(), rows[0].attempts), (1, 2));
        assert_eq!(attempt::Entity::find().all(&db).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn of_two_runs_the_one_with_an_attempt_counts_whichever_is_recorded_first() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        for state in [DeliveryState::Cancelled, DeliveryState::Waiting] {
            for is_success in [true, false] {
                // One group, and two groups in either order.
                for order in 0..4 {
                    let failed = failed(EventId::generate(), SubscriptionId::generate(), 1);
                    let made = if is_success { delivered(&failed) } else { failed.clone() };
                    let other = unattempted(&failed, state);
                    let groups = match order {
                        0 => vec![vec![other, made.clone()]],
                        1 => vec![vec![made.clone(), made.clone(), other]],
                        2 => vec![vec![other], vec![made.clone()]],
                        _ => vec![vec![made.clone()], vec![other]],
                    };
                    for group in groups {
                        write(&db, &group).await.unwrap();
                    }
                    let row = Entity::find_by_id(made.delivery.as_uuid()).one(&db).await.unwrap().unwrap();
                    let attempt = made.attempt.unwrap();
                    assert_eq!((&*row.state, row.attempts), (made.state.as_str(), 1), "{state}, {order}");
                    assert_eq!(row.next_attempt_at, made.next_attempt_at.map(Timestamp::as_millis), "{state}, {order}");
                    assert_eq!((row.attempted_at, row.error), (Some(attempt.attempted_at.as_millis()), attempt.error));
                    assert_eq!((row.outcome.as_deref(), row.uncounted), (Some(attempt.outcome.as_str()), 0));
                }
            }
        }
        assert!(attempt::Entity::find().all(&db).await.unwrap().is_empty());
    }

    /// Another run may write the row between the look at it and the statement.
    #[tokio::test]
    async fn a_statement_replaces_no_row_that_another_run_has_written_since() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let (event, subscription) = (EventId::generate(), SubscriptionId::generate());
        write(&db, &[failed(event, subscription, 1)]).await.unwrap();
        let retry = failed(event, subscription, 2);
        write(&db, &[delivered(&retry)]).await.unwrap();
        let rows = async || Entity::find().all(&db).await.unwrap();
        let recorded = rows().await;
        assert_eq!((recorded.len(), &*recorded[0].state, recorded[0].attempts), (1, "delivered", 2));
        let more = Record { attempts: 3, ..retry.clone() };
        for (late, conflict) in [
            (unattempted(&retry, DeliveryState::Cancelled), RowConflict::Wait),
            (unattempted(&retry, DeliveryState::Waiting), RowConflict::Wait),
            // It doesn't wait.
            (unattempted(&more, DeliveryState::Waiting), RowConflict::Wait),
            (retry, RowConflict::TakeAttempt),
        ] {
            insert(&db, &[&late], conflict).await.unwrap();
            assert_eq!(rows().await, recorded, "{late:?}");
        }
        insert(&db, &[&more], RowConflict::TakeAttempt).await.unwrap();
        assert_eq!((&*rows().await[0].state, rows().await[0].attempts), ("waiting", 3));
        let cancelled = unattempted(&Record { attempts: 4, ..more }, DeliveryState::Cancelled);
        insert(&db, &[&cancelled], RowConflict::Wait).await.unwrap();
        assert_eq!((&*rows().await[0].state, rows().await[0].next_attempt_at), ("cancelled", None));
    }
}
