//! How an event is dispatched once it is committed: by the queue, inline, not at all, or by the
//! application.

use std::{borrow::Cow, fmt, str::FromStr};

use crate::invalid::InvalidOption;

/// The longest name of a dispatcher.
const MAX_NAME_LENGTH: usize = 64;

/// How an event is dispatched once it is committed.
///
/// The application's choice is [`ThornBuilder::dispatch`](crate::ThornBuilder::dispatch), an event's
/// own, which goes before it, [`Event::dispatch`](crate::event::Event::dispatch).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dispatch {
    /// A worker delivers it (the default): the caller waits for nothing.
    #[default]
    Queue,
    /// This process delivers it after the commit and before the call returns; what fails goes to
    /// the queue.
    ///
    /// The commit must be one that thorn sees: of a generated method or a bulk function that was
    /// given a pool, of [`Thorn::transaction`](crate::Thorn::transaction), of an event that is sent
    /// on a pool, or one inside [`Thorn::inline`](crate::Thorn::inline). In any other transaction
    /// the event goes by the queue.
    Inline,
    /// The event is not even written; the change it would announce is saved.
    Disabled,
    /// The [`Dispatcher`](crate::Dispatcher) of this name takes it, in a worker that has it.
    Custom(Cow<'static, str>),
}

impl Dispatch {
    /// The dispatcher that was registered under this name.
    pub fn custom(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Custom(name.into())
    }
}

impl fmt::Display for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue => f.write_str("queue"),
            Self::Inline => f.write_str("inline"),
            Self::Disabled => f.write_str("disabled"),
            Self::Custom(name) => write!(f, "dispatcher `{name}`"),
        }
    }
}

/// The text names no way of dispatching.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dispatch `{0}`; use queue, inline or disabled")]
pub struct ParseDispatchError(String);

/// Reads `queue`, `inline` and `disabled`; an application's own dispatcher is named in code.
impl FromStr for Dispatch {
    type Err = ParseDispatchError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let built_in = [Self::Queue, Self::Inline, Self::Disabled];
        built_in.into_iter().find(|dispatch| dispatch.to_string() == s).ok_or_else(|| ParseDispatchError(s.to_owned()))
    }
}

/// Checks the name of a dispatcher.
pub(crate) fn check_name(name: &str) -> Result<(), InvalidOption> {
    if name.is_empty() || name.chars().count() > MAX_NAME_LENGTH {
        let reason = format!("`{name}` isn't a name of 1 to {MAX_NAME_LENGTH} characters");
        return Err(InvalidOption { option: "dispatcher", reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_ways_are_read_back() {
        for dispatch in [Dispatch::Queue, Dispatch::Inline, Dispatch::Disabled] {
            assert_eq!(dispatch.to_string().parse(), Ok(dispatch));
        }
        assert!("kafka".parse::<Dispatch>().unwrap_err().to_string().contains("`kafka`"));
    }

    #[test]
    fn a_name_fits_its_column() {
        assert!(check_name("kafka").is_ok());
        assert!(check_name("").is_err());
        assert!(check_name(&"k".repeat(65)).is_err());
    }
}
