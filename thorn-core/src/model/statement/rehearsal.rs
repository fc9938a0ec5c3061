//! Statements that return rows and don't say how these rows were before.
//!
//! Such a statement is rehearsed: it runs after a savepoint, which tells the rows it hits, and is taken back. These
//! rows are then read and locked as they are, and the statement runs again. No index and no condition has to be
//! understood for that, so it is right for every unique index and every WHERE.
//!
//! Between the two runs, another transaction may commit a row that the second run hits and the first one didn't.
//! PostgreSQL tells so, and the statement is rehearsed again. SQLite has a single writer, which the first run made
//! this transaction.

use std::collections::HashMap;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, ModelTrait, QueryFilter, QueryResult,
    StatementBuilder, sea_query::ValueTuple,
};

use crate::{
    db::Concrete,
    model::{
        announce::Written,
        junction::{MAX_KEYS, with_keys},
        row_lock,
    },
};

/// Whether a row was there before a statement returned it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Before {
    /// The statement inserted it.
    None,
    /// The statement updated it.
    Some,
    /// The database doesn't tell.
    Unknown,
}

/// The rows that a statement wrote.
pub(super) struct Rehearsed<M> {
    pub(super) rows: Vec<QueryResult>,
    pub(super) written: Vec<Written<M>>,
}

/// Rehearsals of one statement. A second one needs a row that another transaction wrote in between. More are needed
/// only for rows whose primary key the statement changes: nobody can find them by the key that it returns.
const MAX_REHEARSALS: usize = 8;

/// Executes a statement that returns all columns of the rows that it writes. `before` reads from a returned row
/// whether it was there. `needs_old` says whether the caller needs the rows as they were.
pub(super) async fn rehearsed<E, S, C>(
    statement: &S,
    before: fn(&QueryResult, DbBackend) -> Result<Before, DbErr>,
    needs_old: bool,
    db: &C,
) -> Result<Rehearsed<E::Model>, DbErr>
where
    E: EntityTrait,
    S: StatementBuilder,
    C: ConnectionTrait,
{
    let backend = db.get_database_backend();
    // Outside a transaction there are no savepoints.
    let can_rehearse = needs_old && Concrete::of(db).is_transaction();
    let mut old: HashMap<ValueTuple, E::Model> = HashMap::new();
    let mut rehearsals = 0;
    loop {
        if can_rehearse {
            db.execute_unprepared("SAVEPOINT thorn_rehearsal").await?;
        }
        let rows = db.query_all(statement).await?;
        let mut returned = Vec::with_capacity(rows.len());
        for row in &rows {
            returned.push((E::Model::from_query_result(row, "")?, before(row, backend)?));
        }
        let is_missing = |(row, before): &(E::Model, Before)| match before {
            Before::None => false,
            Before::Some => !old.contains_key(&row.get_primary_key_value()),
            Before::Unknown => rehearsals == 0,
        };
        let missing = returned.iter().filter(|row| is_missing(row)).map(|(row, _)| row.get_primary_key_value());
        let missing: Vec<_> = if can_rehearse && rehearsals < MAX_REHEARSALS { missing.collect() } else { Vec::new() };
        if missing.is_empty() {
            if can_rehearse {
                db.execute_unprepared("RELEASE SAVEPOINT thorn_rehearsal").await?;
            }
            let written = returned.into_iter().map(|(new, before)| {
                // SQLite may hit a row twice. The second hit finds what the first one left.
                let old = old.insert(new.get_primary_key_value(), new.clone());
                let is_new = before == Before::None || (before == Before::Unknown && old.is_none());
                if is_new { Written::created(new) } else { Written::changed(old, new) }
            });
            return Ok(Rehearsed { rows, written: written.collect() });
        }
        db.execute_unprepared("ROLLBACK TO SAVEPOINT thorn_rehearsal").await?;
        for keys in missing.chunks(MAX_KEYS) {
            let found = row_lock::read_all(E::find().filter(with_keys::<E>(keys)), db).await?;
            old.extend(found.into_iter().map(|row| (row.get_primary_key_value(), row)));
        }
        rehearsals += 1;
    }
}
