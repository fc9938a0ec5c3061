//! The error type of the crate.
//!
//! A failed delivery is data, not an error: see [`Outcome`](crate::attempt::Outcome).

pub use crate::invalid::InvalidOption;

use std::{fmt, sync::Arc, time::Duration};

use sea_orm::DbErr;

use crate::{
    guard::TargetError,
    headers::InvalidHeader,
    id::{DeliveryId, EventId, SubscriptionId},
    name::InvalidEventName,
    pattern::ParsePatternError,
    rendered::{CallbackFailed, InvalidEventOptions, RenderedEvent},
    signing::{SecretError, SignatureError},
    spec::{InvalidConfiguration, InvalidSubscription, QuotaExceeded},
};

/// The reason why an operation of thorn was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An event's name breaks the rules of [`Event::new`](crate::event::Event::new).
    #[error(transparent)]
    EventName(#[from] InvalidEventName),
    /// The payload can't be serialized as JSON, for instance because of a map with keys that aren't strings.
    #[error("the payload of event `{event}` can't be written as JSON: {source}")]
    Payload {
        /// The name of the event.
        event: String,
        /// The error of the serializer.
        source: serde_json::Error,
    },
    /// The argument of [`Event::request_data`](crate::event::Event::request_data) doesn't serialize to a JSON
    /// object.
    #[error("the request data of event `{event}` must be an object: {reason}")]
    RequestData {
        /// The name of the event.
        event: String,
        /// Says what it serializes to instead, or why it can't be serialized.
        reason: String,
    },
    /// A callback that chooses the recipients of an event failed or panicked.
    #[error(transparent)]
    Callback(#[from] CallbackFailed),
    /// The rendered event is larger than `max_event_bytes`.
    #[error(
        "event `{event}` is {size} bytes, the limit is {limit}; send a reference instead of the whole object, or raise `max_event_bytes`"
    )]
    EventTooLarge {
        /// The name of the event.
        event: String,
        /// The size of the rendered body, in bytes.
        size: usize,
        /// The maximum size, in bytes.
        limit: usize,
    },
    /// The body of a raw event is larger than `max_payload_bytes`.
    #[error(
        "the body of event `{event}` is {size} bytes, the limit is {limit}; send less, or raise `max_payload_bytes`"
    )]
    PayloadTooLarge {
        /// The name of the event.
        event: String,
        /// The size of the body, in bytes.
        size: usize,
        /// The maximum size, in bytes.
        limit: usize,
    },
    /// An extra header is reserved, or its name or value isn't valid in HTTP.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    /// A setting, or an option of an event or of the builder, has an invalid value.
    #[error(transparent)]
    Option(#[from] InvalidOption),
    /// The pattern of a subscription is invalid.
    #[error(transparent)]
    Pattern(#[from] ParsePatternError),
    /// Deliveries must not go to the URL.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Verification of a signature failed.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A subscription was refused. The error lists every invalid field.
    #[error(transparent)]
    Subscription(#[from] InvalidSubscription),
    /// A subscription was refused because its owner has as many as they may have.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// Configured subscriptions were refused. The error lists every problem.
    #[error(transparent)]
    Configuration(#[from] InvalidConfiguration),
    /// The subscription comes from a configuration, so it can't be changed or deleted through the store.
    #[error(
        "subscription {id} comes from the configuration `{configuration}`; change it there. Here it can only be enabled or disabled"
    )]
    Configured {
        /// The subscription.
        id: SubscriptionId,
        /// The name of the configuration.
        configuration: String,
    },
    /// A secret can't be generated, encrypted or decrypted.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The item doesn't exist, or it belongs to another owner.
    #[error("no {what} {id}")]
    NotFound {
        /// The kind of item, such as `subscription`.
        what: &'static str,
        /// The requested id.
        id: String,
    },
    /// Deliveries can't be sent again now.
    #[error(transparent)]
    Resend(#[from] ResendRefused),
    /// A [`SubscriptionStore`](crate::subscription::SubscriptionStore) failed.
    #[error("subscription store: {source}")]
    Store {
        /// The error of the store.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refused a statement or failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// The database server sent no answer and didn't close the connection.
    #[error("the database said nothing for {waited:?}")]
    DatabaseTimeout {
        /// The time that thorn waited for an answer.
        waited: Duration,
    },
    /// Buffered events couldn't be written. The error returns them.
    #[error(transparent)]
    Flush(#[from] FlushError),
    /// The job queue failed.
    #[error("queue: {message}")]
    Queue {
        /// The operation that failed.
        message: String,
        /// The error of the queue, if there is one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// Converts the error for hooks of SeaORM, which must fail with a [`DbErr`]. A database error is unwrapped, and
/// [`Error::behind`] finds any other.
impl From<Error> for DbErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error,
            // The only variant that holds any error as a value.
            other => Self::TryIntoErr { from: "change", into: "event", source: Arc::new(other) },
        }
    }
}

impl From<InvalidEventOptions> for Error {
    fn from(error: InvalidEventOptions) -> Self {
        match error {
            InvalidEventOptions::Option(error) => error.into(),
            InvalidEventOptions::Header(error) => error.into(),
        }
    }
}

impl Error {
    /// Thorn's error inside the error of a save, which says why a hook refused the save. `None` if the database
    /// refused it, or something else.
    ///
    /// # Examples
    ///
    /// ```
    /// use sea_orm::DbErr;
    /// use thorn_core::Error;
    ///
    /// fn status(error: &DbErr) -> u16 {
    ///     match Error::behind(error) {
    ///         Some(Error::EventTooLarge { .. }) => 413,
    ///         _ => 500,
    ///     }
    /// }
    ///
    /// let too_large = Error::EventTooLarge { event: "article.created".into(), size: 300_000, limit: 262_144 };
    /// assert_eq!(status(&too_large.into()), 413);
    /// ```
    #[must_use]
    pub fn behind(error: &DbErr) -> Option<&Self> {
        let DbErr::TryIntoErr { source, .. } = error else { return None };
        let source: &(dyn std::error::Error + 'static) = &**source;
        source.downcast_ref()
    }

    /// The error for an option with an invalid value.
    pub(crate) fn option(option: &'static str, reason: impl Into<String>) -> Self {
        Self::Option(InvalidOption { option, reason: reason.into() })
    }
}

/// The reason why deliveries can't be sent again now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResendRefused {
    /// The delivery waits for an attempt, or makes one.
    #[error("delivery {delivery} is under way; send it again once it is delivered, dead or cancelled")]
    UnderWay {
        /// The delivery.
        delivery: DeliveryId,
    },
    /// The event isn't fanned out yet, or some of its first attempts aren't recorded.
    #[error("event {event} is still being delivered; send it again once all of its deliveries have ended")]
    EventUnderWay {
        /// The event.
        event: EventId,
    },
    /// The event has too many deliveries for one transaction.
    #[error("event {event} has more than 1000 deliveries; name one of them")]
    TooMany {
        /// The event.
        event: EventId,
    },
}

/// Buffered events couldn't be written to the outbox.
///
/// None of the events was written. [`outbox::write`](crate::outbox::write) can write them again.
#[derive(Debug)]
pub struct FlushError {
    /// The events, in the order in which they were sent.
    pub events: Vec<RenderedEvent>,
    /// The reason.
    pub source: Box<Error>,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} buffered events couldn't be written: {}", self.events.len(), self.source)
    }
}

impl std::error::Error for FlushError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
