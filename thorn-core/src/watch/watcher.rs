//! The worker's part: takes up committed notes, reports or announces them, and deletes them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait};
use tokio::sync::watch;

use super::{
    announce::announce,
    definition::{Mode, Watched},
    unannounced::{Report, add_to, operation},
};
use crate::{
    db::{transaction, with_timeout},
    error::Error,
    event::Event,
    metrics::Counters,
    name::UNANNOUNCED,
    outbox, process,
    rendered::RenderedEvent,
    row_change::{delete_notes, read_notes},
    subscription::Registry,
    tables::row_change::{Model, watch as table},
};

/// How often a worker looks for notes, if anything is watched.
const POLL: Duration = Duration::from_secs(1);

/// Younger notes wait. A save outside a transaction deletes its note with a commit of its own.
const MIN_AGE_MS: i64 = 2_000;

/// Notes of one commit.
const NOTES: u64 = 500;

/// Takes up the notes of unannounced changes.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    pub(crate) db: DatabaseConnection,
    pub(crate) registry: Arc<Registry>,
    pub(crate) counters: Arc<Counters>,
}

/// The results of some notes.
#[derive(Debug, Default)]
struct Outcome {
    /// Events that are written after the fact.
    announced: Vec<RenderedEvent>,
    reports: Vec<Report>,
    /// Changes that went past the hooks.
    changes: usize,
}

impl Watcher {
    /// Takes up notes until `stop` turns true.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            // Without triggers there is no note to look for.
            let turn =
                async { if process::notes_anything() { with_timeout(&self.db, self.turn()).await } else { Ok(0) } };
            match turn.await {
                Ok(notes) if notes as u64 == NOTES => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "looking for unannounced changes failed, trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Handles one batch in one transaction: its events are written and its notes deleted, or neither. Returns the
    /// number of notes.
    async fn turn(&self) -> Result<usize, Error> {
        // As for the relay's claims: SQLite has one writer, so a worker without work doesn't take the write lock.
        if self.db.get_database_backend() == DbBackend::Sqlite && read(&self.db).await?.1.is_empty() {
            return Ok(0);
        }
        let txn = transaction::begin(&self.db).await?;
        let (watched, notes) = read(&txn).await?;
        if notes.is_empty() {
            txn.rollback().await?;
            return Ok(0);
        }
        let outcome = self.judge(&notes, &watched);
        let mut events = outcome.announced;
        let written = events.len();
        events.extend(self.reports(&txn, &outcome.reports).await?);
        outbox::write(&txn, events).await?;
        let ids: Vec<_> = notes.iter().map(|note| note.id).collect();
        if delete_notes(&txn, &ids).await? != ids.len() as u64 {
            txn.rollback().await?;
            tracing::debug!("another worker was first");
            return Ok(0);
        }
        txn.commit().await?;
        process::notify();
        self.counters.unannounced(outcome.changes);
        log(&outcome.reports, written);
        Ok(notes.len())
    }

    fn judge(&self, notes: &[Model], watched: &HashMap<String, Watched>) -> Outcome {
        let mut outcome = Outcome::default();
        for note in notes {
            let operation = operation(note);
            let Some(watched) = watched.get(&note.table_name).filter(|watched| note.noted_at >= watched.armed_at)
            else {
                continue;
            };
            outcome.changes += 1;
            let declared = || watched.definition.events_on(operation).map(|event| event.pattern.clone()).collect();
            let left = match watched.mode {
                Mode::Announce => {
                    let backend = self.db.get_database_backend();
                    let announced = announce(note, operation, &watched.definition, backend);
                    outcome.announced.extend(announced.events);
                    if announced.left.is_empty() && !watched.definition.junction {
                        continue;
                    }
                    announced.left
                }
                Mode::Report | Mode::Collect => declared(),
            };
            add_to(&mut outcome.reports, note, operation, left);
        }
        outcome
    }

    /// The events for operators, if a subscription of theirs matches.
    async fn reports(&self, txn: &DatabaseTransaction, reports: &[Report]) -> Result<Vec<RenderedEvent>, Error> {
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        self.registry.refresh(txn).await?;
        let mut matched = Vec::new();
        self.registry.matching_internal(UNANNOUNCED, None, &mut matched);
        if matched.is_empty() {
            return Ok(Vec::new());
        }
        reports.iter().map(|report| Event::new(UNANNOUNCED).internal().render(report)).collect()
    }
}

/// The watched tables, and the notes that are old enough.
async fn read<C: sea_orm::ConnectionTrait>(db: &C) -> Result<(HashMap<String, Watched>, Vec<Model>), Error> {
    let rows = table::Entity::find().all(db).await?;
    let watched: HashMap<_, _> =
        rows.iter().filter_map(|row| Some((row.table_name.clone(), Watched::of(row)?))).collect();
    let collected = watched.iter().filter(|(_, watched)| watched.mode == Mode::Collect).map(|(label, _)| &**label);
    let notes = read_notes(db, &collected.collect::<Vec<_>>(), MIN_AGE_MS, NOTES).await?;
    Ok((watched, notes))
}

fn log(reports: &[Report], announced: usize) {
    if announced > 0 {
        tracing::info!(events = announced, "wrote events of changes that went past the hooks");
    }
    for Report { table, operation, rows, keys, .. } in reports {
        let keys: Vec<_> = keys.iter().take(10).map(ToString::to_string).collect();
        let keys = keys.join(", ");
        tracing::warn!(table, %operation, rows, keys, "changes went past thorn's hooks, so no event announced them");
    }
}
