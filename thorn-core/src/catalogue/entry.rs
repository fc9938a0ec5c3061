//! An event type, and parts of lists.

use crate::{tables::event_type::Model, timestamp::Timestamp};

/// A type of event that somebody has declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType {
    /// The id. It is never given again.
    pub id: i64,
    /// The name of the events.
    pub name: String,
    /// When the event type was declared.
    pub created_at: Timestamp,
}

/// A part of a list, and how many items the whole list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items of the part that was asked for.
    pub items: Vec<T>,
    /// The number of all items.
    pub count: u64,
}

impl From<Model> for EventType {
    fn from(Model { id, name, created_at, .. }: Model) -> Self {
        Self { id, name, created_at: Timestamp::from_millis(created_at) }
    }
}
