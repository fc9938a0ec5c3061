//! Inserts rows into `thorn_event`. Every save of a model with a webhook waits for such an insert.

#[cfg(feature = "postgres")]
mod arrays;
mod sql;

use sea_orm::{ConnectionTrait, DbBackend, Statement, Value, prelude::Uuid};

use self::sql::{COLUMNS, Insert, Kind, LONGEST};
use super::{hold, stored_event::options_column};
use crate::{
    db::{MAX_BYTES, OnConflict, batches},
    dispatch::Dispatch,
    error::Error,
    process,
    rendered::RenderedEvent,
    signing::SecretKey,
    timestamp::Timestamp,
};

/// Inserts a row for each event.
///
/// A statement inserts up to 512 rows, or fewer if the rows are too large. Events with inline delivery are held for
/// this process, if the process will know of their commit.
pub(super) async fn insert<C: ConnectionTrait>(
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
            db.execute_raw(statement(kind, rows)).await?;
            rows = rest;
        }
    }
    if backend != DbBackend::Postgres {
        process::notify();
    }
    Ok(())
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

/// Whether one statement is sure to be enough for these events. Options without recipients are short.
pub(super) fn is_one_statement(events: &[RenderedEvent]) -> bool {
    let plain = events.iter().all(|event| event.recipients.is_empty());
    let bodies = events.iter().map(|event| event.body.len());
    events.len() <= LONGEST && plain && bodies.sum::<usize>() <= MAX_BYTES / 2
}

/// An event with the column values of its row.
struct Row {
    event: RenderedEvent,
    options: Option<String>,
    /// The start and the end of the hold for inline delivery.
    held: Option<(Timestamp, Timestamp)>,
    dispatcher: Option<String>,
}

impl Row {
    fn new(event: RenderedEvent, key: Option<&SecretKey>) -> Result<Self, Error> {
        let options = options_column(&event.options, &event.recipients, key)?;
        let held = if event.dispatch == Dispatch::Inline { hold(&event) } else { None };
        let dispatcher = match &event.dispatch {
            Dispatch::Custom(name) => Some(name.clone().into_owned()),
            _ => None,
        };
        tracing::debug!(event.id = %event.id, event.name, "event written to the outbox");
        Ok(Self { event, options, held, dispatcher })
    }

    /// Whether the row has a value in a column that is null for most events.
    const fn is_rare(&self) -> bool {
        self.options.is_some() || self.held.is_some() || self.dispatcher.is_some()
    }

    /// The size of the parts that may be long, in bytes. The limit leaves room for the rest.
    fn bytes(&self) -> usize {
        self.event.body.len() + self.options.as_ref().map_or(0, String::len)
    }

    /// The values in the order of [`COLUMNS`].
    fn values(self) -> [Value; COLUMNS.len()] {
        let Self { event, options, held, dispatcher } = self;
        [
            event.id.as_uuid().into(),
            event.name.into(),
            event.sender.into(),
            event.broadcast.into(),
            event.body.into(),
            event.created_at.as_millis().into(),
            options.into(),
            held.map(|(now, _)| now.as_millis()).into(),
            held.map(|(_, until)| until.as_millis()).into(),
            dispatcher.into(),
        ]
    }
}

/// Nulls in place of a missing row. They have the types that a statement is prepared with.
fn absent() -> [Value; COLUMNS.len()] {
    let (text, number) = (Value::from(None::<String>), Value::from(None::<i64>));
    [
        None::<Uuid>.into(),
        text.clone(),
        text.clone(),
        None::<bool>.into(),
        text.clone(),
        number.clone(),
        text.clone(),
        number.clone(),
        number,
        text,
    ]
}
