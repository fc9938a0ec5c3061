//! The control fields of a dispatch: what they are called, and which a request has.

use super::refused::Refused;

/// A field that says where a dispatch goes. It isn't sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// A URL that gets the body.
    Url,
    /// The name of the event that the body becomes.
    Topic,
    /// A URL that hears of deliveries that failed for good.
    Errback,
    /// A URL that gets the responses of targets.
    Callback,
}

impl Control {
    const ALL: [Self; 4] = [Self::Url, Self::Topic, Self::Errback, Self::Callback];

    /// The field's name in forms and in the query.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Url => "_url",
            Self::Topic => "_topic",
            Self::Errback => "_errback",
            Self::Callback => "_callback",
        }
    }

    /// The name of the header that can be given instead.
    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::Url => "thorn-url",
            Self::Topic => "thorn-topic",
            Self::Errback => "thorn-errback",
            Self::Callback => "thorn-callback",
        }
    }

    /// The control field with this decoded name.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|control| control.name().as_bytes() == name)
    }

    /// The control field that this header gives; the name is in lower case.
    pub(super) fn in_header(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|control| control.header() == name)
    }
}

/// The values of a request's control fields, each in its order. Empty ones count as none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Controls {
    pub(super) urls: Vec<String>,
    pub(super) topics: Vec<String>,
    pub(super) errbacks: Vec<String>,
    pub(super) callbacks: Vec<String>,
}

impl Controls {
    /// Adds a decoded value, which must be UTF-8.
    pub(super) fn add(&mut self, control: Control, value: Vec<u8>) -> Result<(), Refused> {
        let value = String::from_utf8(value).map_err(|_| Refused::NotText(control.name()))?;
        if !value.is_empty() {
            match control {
                Control::Url => self.urls.push(value),
                Control::Topic => self.topics.push(value),
                Control::Errback => self.errbacks.push(value),
                Control::Callback => self.callbacks.push(value),
            }
        }
        Ok(())
    }
}
