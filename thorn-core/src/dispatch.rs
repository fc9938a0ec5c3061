//! The ways to dispatch a committed event: through the queue, inline, by the application, or not at all.

use std::{borrow::Cow, fmt, str::FromStr};

use crate::invalid::InvalidOption;

/// The maximum length of a dispatcher's name, in characters.
const MAX_NAME_LENGTH: usize = 64;

/// The way in which an event is dispatched after its commit.
///
/// [`ThornBuilder::dispatch`](crate::ThornBuilder::dispatch) sets it for the application.
/// [`Event::dispatch`](crate::event::Event::dispatch) overrides it for one event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dispatch {
    /// A worker delivers the event, and the caller doesn't wait. This is the default.
    #[default]
    Queue,
    /// This process delivers the event after the commit and before the call returns. Deliveries that fail go
    /// to the queue.
    ///
    /// Thorn must see the commit. It sees the commits of [`Thorn::transaction`](crate::Thorn::transaction) and
    /// all commits inside [`Thorn::inline`](crate::Thorn::inline). It also sees the commit if a generated
    /// method, a bulk function or [`Event::send`](crate::event::Event::send) gets a connection pool. In any
    /// other transaction the event goes to the queue.
    Inline,
    /// The event is not written. The change that it would announce is saved.
    Disabled,
    /// A worker passes the event to the [`Dispatcher`](crate::worker::Dispatcher) registered under this name.
    Custom(Cow<'static, str>),
}

impl Dispatch {
    /// Dispatches through the application's dispatcher of this name, which has 1 to 64 characters.
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

/// The text isn't the name of a [`Dispatch`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dispatch `{0}`; use queue, inline or disabled")]
pub struct ParseDispatchError(String);

/// Parses `queue`, `inline` and `disabled`. A dispatcher of the application can only be chosen in code.
impl FromStr for Dispatch {
    type Err = ParseDispatchError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let built_in = [Self::Queue, Self::Inline, Self::Disabled];
        built_in.into_iter().find(|dispatch| dispatch.to_string() == s).ok_or_else(|| ParseDispatchError(s.to_owned()))
    }
}

/// Checks that the name of a dispatcher isn't empty and fits its column.
pub(crate) fn check_name(name: &str) -> Result<(), InvalidOption> {
    if name.is_empty() || name.chars().count() > MAX_NAME_LENGTH {
        let reason = format!("the name `{name}` must have 1 to {MAX_NAME_LENGTH} characters");
        return Err(InvalidOption { option: "dispatcher", reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_dispatches_are_parsed_from_their_names() {
        for dispatch in [Dispatch::Queue, Dispatch::Inline, Dispatch::Disabled] {
            assert_eq!(dispatch.to_string().parse(), Ok(dispatch));
        }
        assert!("kafka".parse::<Dispatch>().unwrap_err().to_string().contains("`kafka`"));
    }

    #[test]
    fn a_dispatcher_name_must_fit_its_column() {
        assert!(check_name("kafka").is_ok());
        assert!(check_name("").is_err());
        assert!(check_name(&"k".repeat(65)).is_err());
    }
}
