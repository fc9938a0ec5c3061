//! The fields of a subscription.

use std::fmt;

/// A field of a subscription, or of a [webhook](crate::webhook). `Display` shows the field's name in Rust. The REST API and the file of configured
/// subscriptions use their own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The pattern of event names.
    Pattern,
    /// The condition on the event's data.
    Filter,
    /// The URL that deliveries go to.
    Url,
    /// The secret that signs deliveries.
    Secret,
    /// The hash function of `Hook-HMAC`.
    Digest,
    /// The form of `Hook-HMAC`.
    Signer,
    /// The form of the body.
    ContentType,
    /// The additional headers.
    Headers,
    /// The rate limit.
    Rate,
    /// The limit of concurrent requests.
    MaxInFlight,
    /// The protocol of the deliveries.
    Dialect,
    /// The owner.
    Owner,
    /// The configuration that the subscription comes from.
    Source,
    /// The name of a webhook, or of an event that it can be linked with.
    Name,
    /// The events that a webhook is linked with.
    Events,
    /// No single field: the combination of several is wrong.
    Several,
}

impl Field {
    /// The field's name in Rust.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pattern => "pattern",
            Self::Filter => "filter",
            Self::Url => "url",
            Self::Secret => "secret",
            Self::Digest => "digest",
            Self::Signer => "signer",
            Self::ContentType => "content_type",
            Self::Headers => "headers",
            Self::Rate => "rate",
            Self::MaxInFlight => "max_in_flight",
            Self::Dialect => "dialect",
            Self::Owner => "owner",
            Self::Source => "source",
            Self::Name => "name",
            Self::Events => "events",
            Self::Several => "several fields",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
