//! The mistakes of a subscription that was refused.

use std::fmt;

use super::field::Field;

/// A subscription was refused, and nothing was written. Lists every field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSubscription {
    /// The mistakes, at least one.
    pub errors: Vec<FieldError>,
}

/// One field's mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub field: Field,
    /// The rule it breaks.
    pub kind: FieldErrorKind,
    /// The rule, the value and what to do, for a person. Never shows a secret.
    pub message: String,
}

/// The rule that a field breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldErrorKind {
    /// It is missing.
    Required,
    /// It is empty, or nothing but white space.
    Blank,
    /// It is longer than allowed.
    TooLong,
    /// It doesn't have the form it needs.
    Invalid,
    /// It isn't one of the allowed values.
    UnknownChoice,
    /// Deliveries must not go there.
    Refused,
    /// There already is such a subscription.
    Duplicate,
}

impl FieldErrorKind {
    /// The word for programs, as Thorn's REST API has it.
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
    /// The refusal of a subscription that its owner already has.
    #[must_use]
    pub fn duplicate() -> Self {
        let message =
            "the owner already has a subscription of this event, url and filter; change that one instead".to_owned();
        Self { errors: vec![FieldError { field: Field::Several, kind: FieldErrorKind::Duplicate, message }] }
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
