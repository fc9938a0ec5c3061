//! Writes the events of a change that went past the hooks, from the values in its note.

use sea_orm::DbBackend;

use super::{
    declared::{Declared, Part},
    definition::Definition,
    noted_row::NotedRow,
};
use crate::{
    dispatch::Dispatch,
    error::Error,
    event::{Event, Subject},
    model::encode,
    name::escape_segment,
    rendered::RenderedEvent,
    row_change::Operation,
    tables::row_change::Model,
};

/// The events of a note that could be rendered, and the name patterns of the others.
#[derive(Debug, Default)]
pub(super) struct Announced {
    pub(super) events: Vec<RenderedEvent>,
    pub(super) left: Vec<String>,
}

/// Renders the events that the model declares for this change.
pub(super) fn announce(note: &Model, operation: Operation, definition: &Definition, backend: DbBackend) -> Announced {
    let mut announced = Announced::default();
    let row = |json: &Option<String>| match json.as_deref().map(|json| NotedRow::read(json, &definition.table, backend))
    {
        Some(Ok(row)) => Some(row),
        Some(Err(error)) => {
            tracing::warn!(table = note.table_name, %error, "can't read the values of a changed row");
            None
        }
        None => None,
    };
    let (old, new) = (row(&note.old_row), row(&note.new_row));
    let current = if operation == Operation::Delete { &old } else { &new };
    for event in definition.events_on(operation) {
        let Some(current) = current.as_ref().filter(|_| !event.needs_code) else {
            announced.left.push(event.pattern.clone());
            continue;
        };
        if event.only_if_changed && old.as_ref().is_some_and(|old| old.equals(current)) {
            continue;
        }
        match render(event, current, definition) {
            Ok(event) => announced.events.push(event),
            Err(error) => {
                tracing::warn!(table = note.table_name, %error, "can't announce a change after the fact");
                announced.left.push(event.pattern.clone());
            }
        }
    }
    announced
}

fn render(declared: &Declared, row: &NotedRow<'_>, definition: &Definition) -> Result<RenderedEvent, Error> {
    let mut event = Event::new(fill(&declared.name, row, |value| escape_segment(value).into_owned()));
    if let Some(reference) = &declared.reference {
        event = event.reference(fill(reference, row, |value| encode(value).into_owned()));
    }
    event = match &declared.sender {
        Some(column) if row.json(column) == "null" => event,
        Some(column) => event.sender(row.text(column)),
        None => event.broadcast(),
    };
    let subject = Subject { table: definition.table.name.clone().into(), key: row.key() };
    let event = event.about(subject);
    let event = event.dispatch(Dispatch::Queue).render(&row.only(&declared.data))?;
    Ok(match &declared.dispatcher {
        None => event,
        // The worker needn't have the application's dispatcher to write an event for it.
        Some(name) => RenderedEvent { dispatch: Dispatch::custom(name.clone()), recipients: Vec::new(), ..event },
    })
}

fn fill(parts: &[Part], row: &NotedRow<'_>, escape: impl Fn(&str) -> String) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Column(column) => escape(&row.text(column)),
    };
    parts.iter().map(part).collect()
}
