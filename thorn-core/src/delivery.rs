//! Deliveries: one event on its way to one subscription.
//!
//! A delivery's body is [encoded](encode_body) and [signed](sign()) when it is queued. For each
//! attempt the [`Client`] takes an [`Outgoing`] request, has the [`TargetGuard`] judge where it would
//! go, and gives back an [`Attempt`]; from that a [`RetryPolicy`] says whether there is a next one.

mod client;
mod consequences;
mod encode;
mod execute;
mod lanes;
mod observer;
mod outcome;
mod own;
mod retry;
mod sign;
mod signature;
mod target;

pub use client::{Client, ClientConfig, Outgoing};
pub(crate) use consequences::Consequences;
pub use encode::encode_body;
pub(crate) use execute::{Defaults, Executor};
pub(crate) use lanes::{Entry, Lanes};
pub(crate) use observer::Observers;
pub use observer::{DeliveryObserver, DeliveryReport};
pub use outcome::{Attempt, Outcome, ParseOutcomeError};
pub use retry::RetryPolicy;
pub use sign::sign;
pub use signature::{
    SignatureError, compat_hmac, hook_hmac, standard_signature, verify_compat_hmac, verify_hook_hmac, verify_standard,
};
pub use target::{TargetError, TargetGuard, Validator};
