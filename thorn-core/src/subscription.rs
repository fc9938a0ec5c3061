//! Subscriptions: who wants to hear of which events, and where.
//!
//! [`Subscriptions`] keeps them in the database, [`Registry`] holds them compiled in memory, and a
//! [`Matcher`] finds those that hear of an event.

mod access;
mod change;
mod configured;
mod entry;
#[cfg(all(test, feature = "sqlite"))]
mod fixture;
mod foreign_store;
mod matcher;
mod registry;
mod row;
mod store;
mod synchronise;
mod write;

pub(crate) use access::find_any;
pub use access::{Access, Page};
pub use change::{NewSubscription, SubscriptionChange};
pub use configured::{Configured, ConfiguredSubscription};
pub(crate) use configured::{read, source_of};
pub use entry::{Disabled, Subscription};
pub use foreign_store::{ChangeSubscription, MakeSubscription, StoredChange, SubscriptionStore};
pub use matcher::Matcher;
pub use registry::Registry;
pub use store::Subscriptions;

pub(crate) use write::Write;

pub use crate::pattern::{ParsePatternError, Pattern};
pub use crate::spec::{
    ContentType, Destination, Field, FieldError, FieldErrorKind, InvalidConfiguration, InvalidSubscription,
    ParseContentTypeError, Subscriber, UrlCheck,
};
