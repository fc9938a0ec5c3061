//! Inserts rows into `thorn_event`. Every save of a model with a webhook waits for such an insert.

#[cfg(feature = "postgres")]
mod arrays;
mod row;
mod sql;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use self::{
    row::{Row, absent},
    sql::{COLUMNS, Insert, Kind, LONGEST},
};
use super::payload;
use crate::{
    db::{Concrete, MAX_BYTES, OnConflict, batches, transaction},
    error::Error,
    migration, process,
    rendered::RenderedEvent,
};

/// Inserts a row for each event, and another one for the body of a raw event. Both commit together.
pub(super) async fn insert<C: ConnectionTrait>(
    db: &C,
    mut events: Vec<RenderedEvent>,
    on_conflict: OnConflict,
) -> Result<(), Error> {
    let raw = events.iter_mut().filter_map(|event| Some((event.id, std::mem::take(&mut event.raw.as_mut()?.bytes))));
    let bodies: Vec<_> = raw.collect();
    if bodies.is_empty() {
        return insert_events(db, events, on_conflict).await;
    }
    // Rare, and the box keeps its statements out of the future of every save.
    Box::pin(async {
        let Concrete::Pool(pool) = Concrete::of(db) else {
            payload::insert(db, bodies, on_conflict).await?;
            return insert_events(db, events, on_conflict).await;
        };
        let txn = transaction::begin(pool).await?;
        payload::insert(&txn, bodies, on_conflict).await?;
        insert_events(&txn, events, on_conflict).await?;
        txn.commit().await?;
        process::notify();
        Ok(())
    })
    .await
}

/// Inserts a row for each event.
///
/// A statement inserts up to 512 rows, or fewer if the rows are too large. Events with inline delivery are held for
/// this process, if the process will know of their commit.
async fn insert_events<C: ConnectionTrait>(
    db: &C,
    events: Vec<RenderedEvent>,
    on_conflict: OnConflict,
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let backend = db.get_database_backend();
    let key = process::secret_key();
    let rows: Vec<_> = events.into_iter().map(|event| Row::new(event, key.as_ref())).collect::<Result<_, _>>()?;
    let kind = Kind { backend, on_conflict, all: rows.iter().any(Row::is_rare) };
    for mut rows in batches(rows, COLUMNS.len(), Row::bytes) {
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(LONGEST));
            db.execute_raw(statement(kind, rows)).await.map_err(migration::explained)?;
            rows = rest;
        }
    }
    if backend != DbBackend::Postgres {
        process::notify();
    }
    Ok(())
}

/// Inserts new events, and reports the commit if the connection commits by itself.
pub(super) async fn insert_new<C: ConnectionTrait>(db: &C, events: Vec<RenderedEvent>) -> Result<(), Error> {
    process::after_statement::<C, _>(insert(db, events, OnConflict::Fail)).await
}

fn statement(kind: Kind, rows: Vec<Row>) -> Statement {
    let (count, columns) = (rows.len(), kind.columns());
    #[cfg(feature = "postgres")]
    if kind.backend == DbBackend::Postgres && arrays::can_hold(&rows) {
        let (sql, values) = arrays::statement(kind, rows);
        return Statement::from_sql_and_values(kind.backend, sql, values);
    }
    let Insert { sql, room, limited } = kind.insert(count);
    let mut values = Vec::with_capacity(room * columns + 1);
    for row in rows {
        values.extend(row.values().into_iter().take(columns));
    }
    for _ in count..room {
        values.extend(absent().into_iter().take(columns));
    }
    if limited {
        values.push(i64::try_from(count).unwrap_or(i64::MAX).into());
    }
    Statement::from_sql_and_values(kind.backend, sql, values)
}

/// Whether one statement is sure to be enough for these events. Options without recipients are short. The body of a raw
/// event needs another statement.
pub(super) fn is_one_statement(events: &[RenderedEvent]) -> bool {
    let plain = events.iter().all(|event| event.recipients.is_empty() && event.raw.is_none());
    let bodies = events.iter().map(|event| event.body.len());
    events.len() <= LONGEST && plain && bodies.sum::<usize>() <= MAX_BYTES / 2
}
