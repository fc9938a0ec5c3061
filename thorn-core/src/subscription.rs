//! Subscriptions: who wants to hear of which events, and where.
//!
//! [`Subscriptions`] keeps them in the database, [`Registry`] holds them compiled in memory, and a
//! [`Matcher`] finds those that hear of an event.

mod access;
mod change;
mod configured;
mod content_type;
mod digest;
mod elsewhere;
#[allow(unreachable_pub, reason = "the derives of SeaORM make their types `pub`")]
pub(crate) mod entity;
mod fields;
#[cfg(all(test, feature = "sqlite"))]
mod fixture;
mod health;
mod invalid;
mod matcher;
mod of_event;
mod pattern;
mod registry;
mod row;
mod sealing;
mod secret;
mod signer;
mod store;
mod subscriber;
mod synchronise;
mod value;
mod write;

pub use access::{Access, Page};
pub use change::{NewSubscription, SubscriptionChange, UrlCheck};
pub use configured::{Configured, ConfiguredSubscription, InvalidConfiguration};
pub(crate) use configured::{read as read_configured, source_of};
pub use content_type::{ContentType, ParseContentTypeError};
pub use digest::{Digest, ParseDigestError};
pub use elsewhere::{ChangeSubscription, MakeSubscription, StoredChange, SubscriptionStore};
pub use invalid::{FieldError, FieldErrorKind, InvalidSubscription};
pub use matcher::Matcher;
pub(crate) use of_event::{Stored, column, subscribers};
pub use pattern::{ParsePatternError, Pattern};
pub use registry::Registry;
pub use sealing::{ParseSecretKeyError, SecretError, SecretKey};
pub use secret::Secret;
pub use signer::{ParseSignerError, Signer};
pub use store::Subscriptions;
pub use subscriber::Subscriber;
pub use value::{Disabled, Subscription};
