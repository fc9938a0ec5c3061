//! The rules for the fields of webhooks, and of the events that they can be linked with.

use super::Fields;
use crate::{
    name::{check_event_name, is_own_event},
    printable::acts_on_terminals,
    spec::{
        field::Field,
        invalid::{FieldErrorKind, InvalidSubscription},
    },
};

/// The most characters of a webhook's name.
const MAX_TITLE: usize = 200;

impl Fields<'_> {
    /// Checks the name of an event that a caller declares.
    pub(crate) fn event_name(&mut self, name: &str) -> Option<()> {
        const FIELD: Field = Field::Name;
        if name.trim().is_empty() {
            return self.wrong(FIELD, FieldErrorKind::Blank, "the name is empty");
        }
        if let Err(error) = check_event_name(name) {
            return self.wrong(FIELD, FieldErrorKind::Invalid, error.to_string());
        }
        if is_own_event(name) {
            let message = format!("only thorn itself sends `{name}`; choose another name");
            return self.wrong(FIELD, FieldErrorKind::Invalid, message);
        }
        match self.choices {
            Some(choices) if !choices.iter().any(|choice| choice == name) => {
                let message = format!("`{name}` is none of the events that exist here: {}", choices.join(", "));
                self.wrong(FIELD, FieldErrorKind::UnknownChoice, message)
            }
            _ => Some(()),
        }
    }

    /// Checks the name of a webhook, a text for people.
    pub(crate) fn title(&mut self, name: &str) -> Option<()> {
        const FIELD: Field = Field::Name;
        if name.trim().is_empty() {
            return self.wrong(FIELD, FieldErrorKind::Blank, "the name is empty");
        }
        if name.contains(acts_on_terminals) {
            let message = "the name has a control character or one that changes the direction of writing; remove it";
            return self.wrong(FIELD, FieldErrorKind::Invalid, message);
        }
        self.fits(FIELD, name, MAX_TITLE).then_some(())
    }
}

impl InvalidSubscription {
    /// The error for a name that something else of the same owner has.
    pub(crate) fn taken(what: &str, name: &str) -> Self {
        Self::one(
            Field::Name,
            FieldErrorKind::Duplicate,
            format!("there is {what} `{name}` already; choose another name"),
        )
    }

    /// The error for ids of events that the owner doesn't have.
    pub(crate) fn unknown_events(unknown: &[i64]) -> Self {
        let ids: Vec<_> = unknown.iter().take(10).map(ToString::to_string).collect();
        let more = if ids.len() < unknown.len() { ", …" } else { "" };
        let message = format!("there is no event with the id {}{more}", ids.join(", "));
        Self::one(Field::Events, FieldErrorKind::UnknownChoice, message)
    }

    /// The error for one more than there may be.
    pub(crate) fn too_many(what: &str, limit: u64) -> Self {
        let message =
            format!("there are {limit} {what} already, and no more are allowed; delete one that isn't needed");
        Self::one(Field::Several, FieldErrorKind::Invalid, message)
    }
}
