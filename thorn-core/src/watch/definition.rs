//! A row of `thorn_watch`: a watched table with its events.

use serde::{Deserialize, Serialize};

use super::declared::Declared;
use crate::{
    model::{Op, WebhookModel, has_events},
    process::NotedChanges,
    row_change::{Operation, WatchedTable},
    tables::row_change::watch::Model,
};

/// The future of unannounced changes of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Report,
    Announce,
    Collect,
}

impl Mode {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Announce => "announce",
            Self::Collect => "collect",
        }
    }

    fn of(word: &str) -> Self {
        // A word of a later release is reported, so that nothing is lost.
        [Self::Announce, Self::Collect].into_iter().find(|mode| mode.as_str() == word).unwrap_or(Self::Report)
    }
}

/// The parts of a model that triggers and workers need. `thorn_watch` stores them as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Definition {
    pub(super) table: WatchedTable,
    /// Whether the rows are links, which are announced to the models on both sides.
    pub(super) junction: bool,
    pub(super) events: Vec<Declared>,
}

impl Definition {
    pub(super) fn of<E: WebhookModel>() -> Self {
        let operations = [Op::Create, Op::Change, Op::Delete].into_iter().filter(|op| has_events::<E>(*op));
        Self {
            table: WatchedTable::of::<E>(operations.map(Operation::from).collect()),
            junction: E::JUNCTION,
            events: E::EVENTS.iter().filter_map(Declared::of).collect(),
        }
    }

    /// The events that this operation fires.
    pub(super) fn events_on(&self, operation: Operation) -> impl Iterator<Item = &Declared> {
        self.events.iter().filter(move |event| {
            event.operation == operation || (operation == Operation::Truncate && event.operation == Operation::Delete)
        })
    }
}

/// A table as `thorn_watch` has it.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) definition: Definition,
    pub(super) mode: Mode,
    /// Older notes don't count.
    pub(super) armed_at: i64,
}

impl Watched {
    /// Reads a row. A row of a release with another form is logged and left out.
    pub(super) fn of(row: &Model) -> Option<Self> {
        match serde_json::from_str(&row.definition) {
            Ok(definition) => Some(Self { definition, mode: Mode::of(&row.mode), armed_at: row.armed_at }),
            Err(error) => {
                tracing::warn!(table = row.table_name, %error, "can't read how this table is watched; install it again");
                None
            }
        }
    }
}

/// The noted changes of these tables.
pub(super) fn noted<'a>(definitions: impl IntoIterator<Item = &'a Definition>) -> NotedChanges {
    definitions.into_iter().flat_map(|definition| definition.table.noted().collect::<Vec<_>>()).collect()
}
