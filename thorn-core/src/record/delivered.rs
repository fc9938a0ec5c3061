//! Inserts deliveries whose first attempt succeeded, as nearly all do.
//!
//! Eight of the fourteen columns differ between these rows. On PostgreSQL, one prepared statement takes any
//! number of them as arrays, as in `outbox/insert/arrays.rs`. The two share no code: here no column but the
//! response is ever null, so the arrays are built from plain vectors.

use std::sync::OnceLock;

use sea_orm::{ConnectionTrait, DbBackend, Value};
#[cfg(feature = "postgres")]
use sea_orm::{Statement, prelude::Uuid};

#[cfg(feature = "postgres")]
use crate::db::is_unique_violation;

use super::{
    Record,
    insert::{Powers, RowConflict, by_powers},
};
use crate::attempt::DeliveryState;
use crate::{
    attempt::{Attempt, Outcome},
    db::MAX_BYTES,
    error::Error,
};

/// The columns to insert. The last three are the same in every row.
const COLUMNS: &str = "id, event_id, subscription_id, created_at, attempted_at, duration_ms, status_code, response, \
                       state, attempts, outcome";

const SAME: &str = "'delivered', 1, 'delivered'";

/// The number of bound columns.
pub(super) const BOUND: usize = 8;

/// Whether this is the record of a first attempt that succeeded.
pub(super) fn is_delivered(record: &Record) -> bool {
    let success = |attempt: &Attempt| {
        attempt.outcome == Outcome::Delivered && attempt.error.is_none() && attempt.status.is_some()
    };
    let first = !record.has_row && record.attempts == 1 && record.state == DeliveryState::Delivered;
    first && record.attempt.as_ref().is_some_and(success)
}

/// Whether one statement can write all of these records, so that they need no transaction.
pub(super) fn fit_one_statement(backend: DbBackend, records: &[Record]) -> bool {
    let responses = records.iter().filter_map(|record| record.attempt.as_ref()?.response.as_ref()).map(String::len);
    backend == DbBackend::Postgres
        && records.iter().all(|record| is_delivered(record) && record.announcements.is_empty())
        && responses.sum::<usize>() <= MAX_BYTES
}

/// Inserts a row for each record with one statement. Returns `false`, and inserts none, if one exists.
///
/// Without `ON CONFLICT`, PostgreSQL saves a third of its work.
#[cfg_attr(not(feature = "postgres"), expect(clippy::unused_async, reason = "only PostgreSQL has such a statement"))]
pub(super) async fn insert_new<C: ConnectionTrait>(db: &C, records: &[Record]) -> Result<bool, Error> {
    #[cfg(feature = "postgres")]
    {
        let mut records: Vec<_> = records.iter().collect();
        // Inserting neighbours in the index one after the other saves a twentieth of the work.
        records.sort_unstable_by_key(|record| record.delivery);
        match db.execute_raw(of_arrays(&records, false)).await {
            Ok(_) => Ok(true),
            Err(error) if is_unique_violation(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(feature = "postgres"))]
    {
        let _ = (db, records);
        Ok(false)
    }
}

/// Inserts a row for each record, which have different deliveries. A row without an attempt takes the record's; other rows
/// stay as they are.
pub(super) async fn insert<C: ConnectionTrait>(db: &C, records: &[&Record]) -> Result<(), Error> {
    static MADE: [Powers; 2] = [const { [const { OnceLock::new() }; _] }; 2];
    let backend = db.get_database_backend();
    #[cfg(feature = "postgres")]
    if backend == DbBackend::Postgres {
        db.execute_raw(of_arrays(records, true)).await?;
        return Ok(());
    }
    let sql = |rows| {
        let row = format!("({}, {SAME})", ["?"; BOUND].join(", "));
        let (rows, clause) = (vec![row; rows].join(", "), RowConflict::TakeAttempt.clause(backend));
        format!("INSERT INTO thorn_delivery ({COLUMNS}) VALUES {rows} {clause}")
    };
    by_powers(db, records, &MADE[usize::from(backend == DbBackend::MySql)], sql, values).await
}

/// The bound values, in the order of [`COLUMNS`].
fn values(record: &Record) -> [Value; BOUND] {
    let attempt = record.attempt.as_ref();
    [
        record.delivery.as_uuid().into(),
        record.event.as_uuid().into(),
        record.subscription.as_uuid().into(),
        record.now.as_millis().into(),
        attempt.map(|attempt| attempt.attempted_at.as_millis()).into(),
        attempt.map(Attempt::duration_ms).into(),
        attempt.and_then(|attempt| attempt.status).map(i32::from).into(),
        attempt.and_then(|attempt| attempt.response.clone()).into(),
    ]
}

/// The statement with an array for each column. Unless rows `may_exist`, it fails if one does. SeaORM's arrays hold no
/// NULL, so an empty response stands for none. Empty responses aren't kept anyway.
#[cfg(feature = "postgres")]
fn of_arrays(records: &[&Record], may_exist: bool) -> Statement {
    static MADE: [OnceLock<String>; 2] = [const { OnceLock::new() }; 2];
    let sql = MADE[usize::from(may_exist)].get_or_init(|| {
        let clause = if may_exist { RowConflict::TakeAttempt.clause(DbBackend::Postgres) } else { String::new() };
        format!(
            "INSERT INTO thorn_delivery ({COLUMNS}) SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::uuid[]), \
             unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::int[]), unnest($7::int[]), \
             NULLIF(unnest($8::text[]), ''), {SAME} {clause}"
        )
    });
    let uuids = |of: fn(&Record) -> Uuid| Value::from(records.iter().map(|record| of(record)).collect::<Vec<_>>());
    let attempts = || records.iter().filter_map(|record| record.attempt.as_ref());
    let values = [
        uuids(|record| record.delivery.as_uuid()),
        uuids(|record| record.event.as_uuid()),
        uuids(|record| record.subscription.as_uuid()),
        records.iter().map(|record| record.now.as_millis()).collect::<Vec<_>>().into(),
        attempts().map(|attempt| attempt.attempted_at.as_millis()).collect::<Vec<_>>().into(),
        attempts().map(Attempt::duration_ms).collect::<Vec<_>>().into(),
        attempts().map(|attempt| attempt.status.map_or(0, i32::from)).collect::<Vec<_>>().into(),
        attempts().map(|attempt| attempt.response.clone().unwrap_or_default()).collect::<Vec<_>>().into(),
    ];
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::time::Duration;

    use sea_orm::{EntityTrait as _, QueryOrder as _};

    use super::*;
    use crate::{
        id::{DeliveryId, EventId, SubscriptionId},
        record::insert as any,
        tables::delivery::{Column, Entity, Model},
        timestamp::Timestamp,
    };

    fn record(response: Option<&str>) -> Record {
        let (event, subscription, now) = (EventId::generate(), SubscriptionId::generate(), Timestamp::now());
        let attempt = Attempt {
            outcome: Outcome::Delivered,
            attempted_at: now + Duration::from_millis(3),
            duration: Duration::from_millis(7),
            status: Some(202),
            response: response.map(str::to_owned),
            error: None,
            retry_after: None,
        };
        Record {
            delivery: DeliveryId::derive(event, subscription),
            event,
            subscription,
            state: DeliveryState::Delivered,
            attempts: 1,
            uncounted: 0,
            next_attempt_at: None,
            attempt: Some(attempt),
            note: None,
            has_row: false,
            now,
            since: tokio::time::Instant::now(),
            announcements: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_single_statement_leaves_the_same_rows_as_the_general_insert() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let records: Vec<_> = (0..11).map(|n| record((n % 2 == 1).then_some("a, {\"b\"} 'ö'"))).collect();
        assert!(records.iter().all(is_delivered));
        let records: Vec<_> = records.iter().collect();
        let rows = async || -> Vec<Model> { Entity::find().order_by_asc(Column::Id).all(&db).await.unwrap() };
        insert(&db, &records).await.unwrap();
        let short = rows().await;
        insert(&db, &records).await.unwrap();
        assert_eq!(rows().await, short, "existing rows stay");
        Entity::delete_many().exec(&db).await.unwrap();
        any::insert(&db, &records, any::RowConflict::Keep).await.unwrap();
        assert_eq!(rows().await, short);
        assert_eq!(short.len(), 11);
        assert_eq!(
            (short[0].response.as_deref(), short[0].status_code, short[0].duration_ms),
            (None, Some(202), Some(7))
        );
        assert_eq!(short[1].response.as_deref(), Some("a, {\"b\"} 'ö'"));
    }

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn one_existing_row_makes_the_single_statement_insert_none() {
        let Some(place) = thorn_test_support::Place::postgres().await else { return };
        let db = crate::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let records = [record(None), record(Some("ok")), record(None)];
        assert!(insert_new(&db, &records[..2]).await.unwrap());
        assert!(!insert_new(&db, &records).await.unwrap());
        let rows = async || Entity::find().all(&db).await.unwrap().len();
        assert_eq!(rows().await, 2, "none of them");
        insert(&db, &records.iter().collect::<Vec<_>>()).await.unwrap();
        assert_eq!(rows().await, 3);
    }

    #[test]
    fn only_successful_first_attempts_fit_the_single_statement() {
        assert!(fit_one_statement(DbBackend::Postgres, &[record(None), record(Some("ok"))]));
        assert!(!fit_one_statement(DbBackend::Sqlite, &[record(None)]));
        assert!(!fit_one_statement(DbBackend::Postgres, &[record(Some(&"x".repeat(MAX_BYTES))), record(Some("x"))]));
        let retried = Record { has_row: true, attempts: 2, ..record(None) };
        let dead = Record { state: DeliveryState::Dead, ..record(None) };
        let cancelled = Record { attempt: None, state: DeliveryState::Cancelled, ..record(None) };
        for other in [retried, dead, cancelled] {
            assert!(!is_delivered(&other));
            assert!(!fit_one_statement(DbBackend::Postgres, &[record(None), other]));
        }
    }
}
