//! Subscriptions: the events that somebody wants, and the URL that they go to.
//!
//! [`Subscriptions`] creates, lists, changes and deletes them. Thorn holds them compiled in memory to match
//! events with them.

mod access;
mod change;
mod configured;
mod confirmation;
mod confirming;
mod entry;
#[cfg(all(test, feature = "sqlite"))]
mod fixture;
mod foreign_store;
mod held_deliveries;
mod holds;
mod links;
mod matcher;
mod of_hub;
mod owner_id;
mod plan;
mod purge;
mod registry;
mod reseal;
mod row;
#[cfg(test)]
mod sample;
mod store;
mod synchronise;
mod write;

pub(crate) use access::find_any;
pub use access::{Access, Page};
pub use change::{Kept, NewSubscription, SubscriptionChange};
pub use configured::{Configured, ConfiguredSubscription};
pub(crate) use configured::{read, source_of};
pub(crate) use confirmation::EXPECTED as CONFIRM_FORMS;
pub use confirmation::{Confirm, Confirmation, ParseConfirmError};
pub(crate) use entry::HoldStage;
pub use entry::{Disabled, Hold, HoldCause, Lease, Subscription, Warning};
pub use foreign_store::{ChangeSubscription, MakeSubscription, StoredChange, SubscriptionStore};
pub(crate) use held_deliveries::{UNTIL_RESUMED, bring_forward};
pub(crate) use links::{Link, LinkedWebhook};
pub(crate) use of_hub::{Granted, HubBounds, Renewable};
pub use owner_id::OwnerId;
pub(crate) use purge::Purge;
pub(crate) use registry::Registry;
#[cfg(test)]
pub(crate) use sample::sample;
pub use store::Subscriptions;

pub(crate) use write::Write;

/// For the benchmark `parts`. Not part of the public API.
#[doc(hidden)]
pub mod __bench {
    pub use super::registry::Registry;
}

pub use crate::pattern::{ParsePatternError, Pattern};
pub use crate::spec::{
    ContentType, Destination, Dialect, Field, FieldError, FieldErrorKind, InvalidConfiguration, InvalidSubscription,
    MaxInFlight, ParseContentTypeError, ParseDialectError, ParseRateError, Period, Quota, QuotaExceeded, Quotas, Rate,
    SpecDraft, Subscriber, SubscriptionSpec, UrlCheck, WrongType,
};
