//! Inserts rows of `thorn_delivery`, for any kind of record.
//!
//! The statements have few lengths, so that a connection prepares each only once: preparing a statement
//! costs as much as inserting its rows.
//!
//! Two other files bound the number of their statements: `outbox/insert/sql.rs` (spare rows and a LIMIT) and
//! `relay/waiting.rs` (nil ids as padding). This one splits the records into powers of two. Each way is the
//! one that measured best there, and all they have in common is a row of `?`, so they share no code.

use std::sync::OnceLock;

use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use super::Record;
use crate::{
    attempt::Attempt,
    db::{number_placeholders, on_conflict_do_nothing},
    error::Error,
    timestamp::Timestamp,
};

pub(super) const COLUMNS: [&str; 14] = [
    "id",
    "event_id",
    "subscription_id",
    "state",
    "attempts",
    "uncounted",
    "next_attempt_at",
    "created_at",
    "attempted_at",
    "duration_ms",
    "outcome",
    "status_code",
    "error",
    "response",
];

/// The rows of the longest statement. The others have smaller powers of two.
const LONGEST: usize = 256;

/// How an INSERT treats a delivery whose row exists.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowConflict {
    /// Keeps the row as it is.
    Keep,
    /// Replaces the row's attempt by the new one, unless the row has as many attempts.
    TakeAttempt,
    /// Sets a new state and due time, and keeps the row's attempt. A row with more attempts, or one that doesn't wait, stays.
    Wait,
}

impl RowConflict {
    /// The columns that are replaced. Those of the condition come last, because MySQL sees the new values of the others.
    const fn replaced(self) -> &'static [&'static str] {
        match self {
            Self::Keep => &[],
            Self::Wait => &["next_attempt_at", "state"],
            Self::TakeAttempt => &[
                "state",
                "uncounted",
                "next_attempt_at",
                "error",
                "attempted_at",
                "duration_ms",
                "outcome",
                "status_code",
                "response",
                "attempts",
            ],
        }
    }

    /// Which rows are replaced. Another run of the task may have written the row since it was read, so the statement itself
    /// must look.
    fn condition(self, new_attempts: &str) -> String {
        match self {
            Self::Keep => String::new(),
            Self::TakeAttempt => format!("thorn_delivery.attempts < {new_attempts}"),
            Self::Wait => format!("thorn_delivery.attempts = {new_attempts} AND thorn_delivery.state = 'waiting'"),
        }
    }

    /// The end of an INSERT. Where rows may be replaced, it may have one row for each id only.
    pub(super) fn clause(self, backend: DbBackend) -> String {
        let set = |set: &dyn Fn(&str) -> String| self.replaced().iter().map(|column| set(column)).collect::<Vec<_>>();
        match (backend, self) {
            (_, Self::Keep) => on_conflict_do_nothing(backend).to_owned(),
            (DbBackend::MySql, _) => {
                let condition = self.condition("VALUES(attempts)");
                let set = set(&|column| format!("{column} = IF({condition}, VALUES({column}), {column})"));
                format!("ON DUPLICATE KEY UPDATE {}", set.join(", "))
            }
            _ => {
                let set = set(&|column| format!("{column} = excluded.{column}")).join(", ");
                format!("ON CONFLICT (id) DO UPDATE SET {set} WHERE {}", self.condition("excluded.attempts"))
            }
        }
    }
}

/// The statements of one kind. The index is the power of two that a statement has rows.
pub(super) type Powers = [OnceLock<String>; LONGEST.ilog2() as usize + 1];

/// Inserts a row for each record.
pub(super) async fn insert<C: ConnectionTrait>(
    db: &C,
    records: &[&Record],
    on_conflict: RowConflict,
) -> Result<(), Error> {
    static MADE: [[Powers; 3]; 3] = [const { [const { [const { OnceLock::new() }; _] }; 3] }; 3];
    let backend = db.get_database_backend();
    let place = match backend {
        DbBackend::MySql => 0,
        DbBackend::Postgres => 1,
        _ => 2,
    };
    let sql = |rows| {
        let row = format!("({})", ["?"; COLUMNS.len()].join(", "));
        let (columns, rows, clause) = (COLUMNS.join(", "), vec![row; rows].join(", "), on_conflict.clause(backend));
        number_placeholders(backend, &format!("INSERT INTO thorn_delivery ({columns}) VALUES {rows} {clause}"))
    };
    by_powers(db, records, &MADE[place][on_conflict as usize], sql, values).await
}

/// Writes records with statements whose numbers of rows are powers of two. `sql` makes one for a number of rows.
pub(super) async fn by_powers<C: ConnectionTrait, const N: usize>(
    db: &C,
    mut records: &[&Record],
    made: &'static Powers,
    sql: impl Fn(usize) -> String,
    values: impl Fn(&Record) -> [Value; N],
) -> Result<(), Error> {
    while !records.is_empty() {
        let power = records.len().min(LONGEST).ilog2();
        let (rows, rest) = records.split_at(1 << power);
        let sql = made[power as usize].get_or_init(|| sql(1 << power));
        let values = rows.iter().flat_map(|record| values(record));
        db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
        records = rest;
    }
    Ok(())
}

/// The bound values, in the order of [`COLUMNS`].
fn values(record: &Record) -> [Value; COLUMNS.len()] {
    let attempt = record.attempt.as_ref();
    let error = match attempt {
        Some(attempt) => attempt.error.clone(),
        None => record.note.map(str::to_owned),
    };
    [
        record.delivery.as_uuid().into(),
        record.event.as_uuid().into(),
        record.subscription.as_uuid().into(),
        record.state.as_str().into(),
        i32::try_from(record.attempts).unwrap_or(i32::MAX).into(),
        i32::try_from(record.uncounted).unwrap_or(i32::MAX).into(),
        record.next_attempt_at.map(Timestamp::as_millis).into(),
        record.now.as_millis().into(),
        attempt.map(|attempt| attempt.attempted_at.as_millis()).into(),
        attempt.map(Attempt::duration_ms).into(),
        attempt.map(|attempt| attempt.outcome.as_str().to_owned()).into(),
        attempt.and_then(|attempt| attempt.status).map(i32::from).into(),
        error.into(),
        attempt.and_then(|attempt| attempt.response.clone()).into(),
    ]
}
