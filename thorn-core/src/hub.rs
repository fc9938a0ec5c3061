//! The hub: distributes the content of topics to those who have subscribed to them.
//!
//! Subscribers ask with [`Hub::request`]. Their callbacks confirm what they ask for before anything changes. Topics that have
//! changed are fetched, and their content goes to the outbox.

mod callback;
#[cfg(feature = "delivery")]
mod commit;
#[cfg(feature = "delivery")]
mod conclude;
#[cfg(feature = "delivery")]
mod endpoint;
#[cfg(feature = "delivery")]
mod fetch;
#[cfg(feature = "delivery")]
mod fetcher;
#[cfg(feature = "delivery")]
mod leases;
#[cfg(feature = "delivery")]
mod link_header;
#[cfg(feature = "delivery")]
mod links;
#[cfg(feature = "delivery")]
mod machine;
#[cfg(feature = "delivery")]
mod markup;
mod policy;
mod refusal;
mod request;
mod subscribing;
#[cfg(feature = "delivery")]
mod verify;

#[cfg(feature = "delivery")]
pub(crate) use fetcher::Fetcher;
#[cfg(feature = "delivery")]
pub(crate) use machine::Verification;
pub use refusal::{HubError, HubRefusal};
pub use request::{HubRequest, RequestMode};
pub use subscribing::Hub;
#[cfg(feature = "delivery")]
pub(crate) use verify::Verifier;
