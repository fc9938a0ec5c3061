//! Errors of a body's fields: about their types, and about their values.

use thorn_core::Error;

use crate::http::{Problem, field_name};

/// Errors in the types of fields, each with its field and message.
///
/// The core checks the values. An answer lists both kinds of errors together.
#[derive(Default)]
pub(super) struct FieldErrors(Vec<(&'static str, &'static str)>);

impl FieldErrors {
    pub(super) fn add(&mut self, field: &'static str, message: &'static str) {
        self.0.push((field, message));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answer: these errors, and those that the core found in the values of other fields.
    ///
    /// If the core failed for another reason, such as a subscription that doesn't exist, that reason is
    /// the answer.
    pub(super) fn with_checked(self, checked: Result<(), Error>) -> Problem {
        let in_values = match checked {
            Ok(()) => Vec::new(),
            Err(Error::Subscription(invalid)) => invalid.errors,
            // The caller has to correct the fields first.
            Err(Error::Quota(_)) => Vec::new(),
            Err(other) => return other.into(),
        };
        let in_values =
            in_values.into_iter().filter(|error| self.0.iter().all(|(field, _)| *field != field_name(error.field)));
        let problem =
            self.0.iter().fold(Problem::invalid_fields(), |problem, (field, message)| problem.field(*field, *message));
        in_values.fold(problem, |problem, error| problem.field(field_name(error.field), error.message))
    }
}
