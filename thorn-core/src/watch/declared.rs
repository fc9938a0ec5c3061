//! A model's event in a form that is stored, so that a worker without the application's code can write it.

use sea_orm::{EntityTrait, IdenStatic, ModelTrait};
use serde::{Deserialize, Serialize};

use crate::{
    dispatch::Dispatch,
    model::{ModelEvent, Piece, Template, Trigger},
    row_change::Operation,
};

type ColumnOf<M> = <<M as ModelTrait>::Entity as EntityTrait>::Column;

/// One event that a model declares for an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Declared {
    pub(super) operation: Operation,
    /// The name with `*` for each column.
    pub(super) pattern: String,
    pub(super) name: Vec<Part>,
    pub(super) reference: Option<Vec<Part>>,
    /// The column with the sender. `None` if the event is broadcast.
    pub(super) sender: Option<String>,
    /// The columns of the data.
    pub(super) data: Vec<String>,
    pub(super) only_if_changed: bool,
    /// The dispatcher of the application that takes the event.
    pub(super) dispatcher: Option<String>,
    /// Whether only code of the application can decide if the event fires, or render it.
    pub(super) needs_code: bool,
}

/// A part of a name or reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Text(String),
    Column(String),
}

impl Declared {
    /// The event, if changes of rows fire it and it isn't disabled.
    pub(super) fn of<M: ModelTrait>(event: &ModelEvent<M>) -> Option<Self> {
        let Trigger::On(op) = event.trigger else { return None };
        let dispatcher = match event.dispatch {
            Some(Dispatch::Disabled) => return None,
            Some(Dispatch::Custom(name)) => Some(name.clone().into_owned()),
            _ => None,
        };
        let name_of = |column: ColumnOf<M>| column.as_str().to_owned();
        Some(Self {
            operation: op.into(),
            pattern: event.name_pattern(),
            name: parts::<M>(event.name),
            reference: event.reference.map(parts::<M>),
            sender: event.sender.map(name_of),
            data: event.columns().unwrap_or_default().into_iter().map(name_of).collect(),
            only_if_changed: event.only_if_changed,
            dispatcher,
            needs_code: event.needs_code(),
        })
    }
}

fn parts<M: ModelTrait>(template: Template<ColumnOf<M>>) -> Vec<Part> {
    let part = |piece: &Piece<ColumnOf<M>>| match piece {
        Piece::Text(text) => Part::Text((*text).to_owned()),
        Piece::Column(column) => Part::Column(column.as_str().to_owned()),
    };
    template.pieces().iter().map(part).collect()
}
