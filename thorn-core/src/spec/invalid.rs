//! The errors of a refused subscription.

use std::fmt;

use super::field::Field;

/// A subscription was refused, and nothing was written. The error lists every field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSubscription {
    /// The errors, at least one.
    pub errors: Vec<FieldError>,
}

/// An error in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub field: Field,
    /// The rule that the field breaks.
    pub kind: FieldErrorKind,
    /// The text for a person: the rule, the value and how to correct it. The text never shows a secret.
    pub message: String,
}

/// The rule that a field breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldErrorKind {
    /// The field is missing.
    Required,
    /// The field is empty or contains only white space.
    Blank,
    /// The value is longer than allowed.
    TooLong,
    /// The value doesn't have the required form.
    Invalid,
    /// The value isn't one of the allowed values.
    UnknownChoice,
    /// Deliveries must not go to this URL.
    Refused,
    /// The owner already has this subscription.
    Duplicate,
}

impl FieldErrorKind {
    /// The code that Thorn's REST API uses for this kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Blank => "blank",
            Self::TooLong => "max_length",
            Self::Invalid => "invalid",
            Self::UnknownChoice => "invalid_choice",
            Self::Refused => "refused",
            Self::Duplicate => "unique",
        }
    }
}

impl InvalidSubscription {
    /// The error for a subscription that its owner already has.
    #[must_use]
    pub fn duplicate() -> Self {
        let message =
            "the owner already has a subscription of this event, url and filter; change that one instead".to_owned();
        Self::one(Field::Several, FieldErrorKind::Duplicate, message)
    }

    /// An error in one field.
    pub(super) fn one(field: Field, kind: FieldErrorKind, message: String) -> Self {
        Self { errors: vec![FieldError { field, kind, message }] }
    }
}

impl fmt::Display for InvalidSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid subscription")?;
        for (n, error) in self.errors.iter().enumerate() {
            write!(f, "{} {}: {}", if n == 0 { ":" } else { ";" }, error.field, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidSubscription {}
