//! What can go wrong in thorn, other than a delivery: a failed delivery is data
//! ([`Outcome`](crate::attempt::Outcome)).

mod flush;

use sea_orm::DbErr;

pub use flush::FlushError;

use crate::{
    guard::TargetError,
    headers::InvalidHeader,
    id::SubscriptionId,
    invalid::InvalidOption,
    name::InvalidEventName,
    pattern::ParsePatternError,
    rendered::{CallbackFailed, InvalidEventOptions},
    signing::{SecretError, SignatureError},
    spec::InvalidConfiguration,
    spec::InvalidSubscription,
};

/// Why an operation of thorn was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An event's name breaks the rules of [`Event::new`](crate::event::Event::new).
    #[error(transparent)]
    EventName(#[from] InvalidEventName),
    /// The payload can't be written as JSON (a NaN, a map with keys that aren't strings, …).
    #[error("the payload of event `{event}` can't be written as JSON: {source}")]
    Payload {
        /// The event's name.
        event: String,
        /// What the serialiser said.
        source: serde_json::Error,
    },
    /// What [`Event::request_data`](crate::event::Event::request_data) was given isn't a JSON object.
    #[error("the request data of event `{event}` must be an object: {reason}")]
    RequestData {
        /// The event's name.
        event: String,
        /// What was found instead.
        reason: String,
    },
    /// A callback that names an event's recipients failed or panicked.
    #[error(transparent)]
    Callback(#[from] CallbackFailed),
    /// The rendered event is larger than allowed.
    #[error(
        "event `{event}` is {size} bytes, the limit is {limit}; send a reference instead of the whole object, or raise `max_event_bytes`"
    )]
    EventTooLarge {
        /// The event's name.
        event: String,
        /// Bytes of the rendered body.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A header may not be set, or has a value that can't be sent.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    /// A setting, or an option of an event or of the builder, has a value that makes no sense.
    #[error(transparent)]
    Option(#[from] InvalidOption),
    /// A subscription's pattern is not one.
    #[error(transparent)]
    Pattern(#[from] ParsePatternError),
    /// A URL that deliveries must not go to.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A secret or a signature is unusable or wrong.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A subscription was refused, with every field that is wrong.
    #[error(transparent)]
    Subscription(#[from] InvalidSubscription),
    /// Configured subscriptions were refused, with everything that is wrong.
    #[error(transparent)]
    Configuration(#[from] InvalidConfiguration),
    /// The subscription is configured, so it can't be changed or deleted where others are.
    #[error(
        "subscription {id} comes from the configuration `{configuration}`; change it there. Here it can only be enabled and disabled"
    )]
    Configured {
        /// The subscription.
        id: SubscriptionId,
        /// The configuration's name.
        configuration: String,
    },
    /// A subscription's secret can't be made or read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no such thing, or it belongs to somebody else.
    #[error("no {what} {id}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// The id asked for.
        id: String,
    },
    /// A [`SubscriptionStore`](crate::subscription::SubscriptionStore) refused or failed.
    #[error("the store of subscriptions: {source}")]
    Store {
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refused or failed.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// Buffered events couldn't be written; they are handed back.
    #[error(transparent)]
    Flush(#[from] FlushError),
    /// The job queue refused or failed.
    #[error("queue: {message}")]
    Queue {
        /// What was attempted.
        message: String,
        /// What the queue said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// Hooks of SeaORM must fail with a [`DbErr`]; a database error stays what it was.
impl From<Error> for DbErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error,
            other => Self::Custom(format!("thorn: {other}")),
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
    /// An option with a value that makes no sense.
    pub(crate) fn option(option: &'static str, reason: impl Into<String>) -> Self {
        Self::Option(InvalidOption { option, reason: reason.into() })
    }
}
