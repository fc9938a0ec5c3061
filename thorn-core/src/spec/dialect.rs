//! The protocol of a subscription's deliveries.

use std::{fmt, str::FromStr};

/// The protocol that a subscription's deliveries follow. Default: thorn's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Deliveries of events, as thorn makes them.
    #[default]
    Thorn,
    /// The content of a topic, as [WebSub](https://www.w3.org/TR/websub/) asks for.
    WebSub,
    /// The content of a topic, as `PubSubHubbub` 0.1 to 0.4 asks for.
    PubSubHubbub,
    /// Events as [CloudEvents](https://cloudevents.io) in the JSON format. A signature covers all of the event.
    CloudEvents,
    /// Events as CloudEvents whose attributes are headers. A signature covers the data alone.
    CloudEventsBinary,
}

/// The text doesn't name a dialect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dialect `{0}`; use thorn, cloudevents or cloudevents-binary")]
pub struct ParseDialectError(String);

impl Dialect {
    /// Every dialect, the default first.
    pub const ALL: [Self; 5] =
        [Self::Thorn, Self::WebSub, Self::PubSubHubbub, Self::CloudEvents, Self::CloudEventsBinary];

    /// The name, as the table has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Thorn => "thorn",
            Self::WebSub => "websub",
            Self::PubSubHubbub => "websub-0.x",
            Self::CloudEvents => "cloudevents",
            Self::CloudEventsBinary => "cloudevents-binary",
        }
    }

    /// This dialect, if it is one for events.
    pub(super) fn for_events(self) -> Result<Self, ParseDialectError> {
        if self.is_of_a_hub() { Err(ParseDialectError(self.to_string())) } else { Ok(self) }
    }

    /// Whether deliveries are CloudEvents.
    #[must_use]
    pub const fn is_cloud_events(self) -> bool {
        matches!(self, Self::CloudEvents | Self::CloudEventsBinary)
    }

    /// Whether deliveries carry the content of a hub's topic.
    #[must_use]
    pub const fn is_of_a_hub(self) -> bool {
        matches!(self, Self::WebSub | Self::PubSubHubbub)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = ParseDialectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == text).ok_or_else(|| ParseDialectError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_read_from_its_own_name_only() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
        for unknown in ["", "WebSub", "websub-1.0"] {
            assert_eq!(unknown.parse::<Dialect>(), Err(ParseDialectError(unknown.to_owned())));
        }
    }
}
