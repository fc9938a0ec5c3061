//! The core of [thorn](https://docs.rs/thorn-webhooks): everything except HTTP serving and macros.
//!
//! The modules ("rooms") stand in three storeys. A room uses only rooms that stand before it in this list;
//! `tests/it/house.rs` checks every import.
//!
//! **Ground: words.** Values and rules without a connection.
//!
//! | room | holds |
//! |---|---|
//! | `invalid` | the error for an option with a wrong value |
//! | `timestamp`, `id`, `clock` | identifiers and time |
//! | `printable` | characters that act on a terminal |
//! | `name`, `short_text` | the rules for event names, and for other short texts such as ids of owners |
//! | `pattern`, `headers`, `media_type` | subscriptions' patterns, extra headers, media types |
//! | `filter` | filters as data |
//! | `tenant` | an owner or the operator, as bounds count them |
//! | `guard` | the rules for addresses that deliveries may go to |
//! | `signing` | secrets, signatures, encryption at rest |
//! | `attempt` | outcomes, retries, states |
//! | `dispatch` | the ways in which an event is dispatched |
//! | `queue_url` | the setting that says where the queue is |
//! | `metrics` | counters |
//! | `spec` | the parts of a subscription, and the rules that check them |
//! | `cloud_event` | events in the form of CloudEvents |
//! | `rendered` | events whose bytes no longer change |
//! | `error` | every error of the crate |
//! | `process` | the application's configuration of this process |
//! | `background` | tasks that run in the background and survive a panic |
//!
//! **Middle: nouns.** Kinds of rows and values, and the code that reads and writes them.
//!
//! | room | holds |
//! |---|---|
//! | `db` | connections, transactions, SQL |
//! | `tables`, `migration` | thorn's tables |
//! | `tally` | the sums of attempts, for health and charts |
//! | `membership` | the workers that are alive, and the share of each in limits |
//! | `event` | events before they are rendered |
//! | `endpoint` | URLs in use, with the bounds of each and of each owner |
//! | `intent` | what subscribers of the hub have asked for and haven't confirmed, and questions to owners' endpoints |
//! | `subscription` | subscriptions and the registry |
//! | `outbox` | events written in the caller's transaction |
//! | `inbox` | CloudEvents that came in, each of which becomes one event |
//! | `log` | committed events in an order that never changes, and cursors into it |
//! | `row_change` | changes of rows as database triggers note them |
//! | `model` | models that announce their changes |
//! | `catalogue` | types of events that somebody has declared |
//! | `webhook` | webhooks of the Hooks app, which are linked with event types |
//! | `fanout` | the way from an event to signed deliveries |
//! | `queue` | the job queue, apalis |
//! | `record` | the recorder, which writes the result of each attempt |
//! | `history` | queries for events, deliveries and their attempts |
//! | `resend` | deliveries that are sent again |
//! | `verification` | whether thorn has sent what somebody received |
//! | `api_key` | keys of the stand-alone server |
//! | `idempotency` | answers that are given again |
//! | `topic` | topics of the hub, and the marks that say when one is fetched |
//!
//! **Top: machines.** They run.
//!
//! | room | does |
//! |---|---|
//! | `delivery` | makes attempts |
//! | `config` | holds every setting |
//! | `consent` | asks endpoints whether they want CloudEvents, or the deliveries of an owner's subscription |
//! | `relay` | moves events from the outbox to the queue |
//! | `inline` | delivers in the sender's process |
//! | `watch` | finds changes that no event announced |
//! | `sequencer` | numbers committed events |
//! | `stream` | hands logged events to open streams |
//! | `hub` | takes requests of subscribers, has their callbacks confirm them, and fetches topics that have changed |
//! | `worker` | runs relay, queue and delivery |
//! | `thorn` | is the handle an application holds |
//!
//! The rooms that deliver need the feature `delivery`. An application whose worker runs elsewhere builds without them.
#![deny(missing_docs)]
#![cfg_attr(
    not(feature = "delivery"),
    allow(dead_code, unused_imports, unreachable_pub, reason = "the rooms that deliver use the rest")
)]

// Ground: words.
mod invalid;
pub mod timestamp;
mod id;
mod clock;
mod printable;
mod name;
mod short_text;
mod pattern;
mod headers;
mod media_type;
pub mod filter;
mod tenant;
pub mod guard;
pub mod signing;
pub mod attempt;
pub mod dispatch;
mod queue_url;
mod metrics;
mod spec;
pub mod cloud_event;
mod rendered;
pub mod error;
mod process;
mod background;

// Middle: nouns.
mod db;
mod tables;
pub mod migration;
mod tally;
mod membership;
pub mod event;
mod endpoint;
mod intent;
pub mod subscription;
pub mod outbox;
pub mod inbox;
pub mod log;
mod row_change;
pub mod model;
pub mod catalogue;
pub mod webhook;
mod fanout;
#[cfg(feature = "delivery")]
mod queue;
mod record;
pub mod history;
pub mod resend;
pub mod verification;
pub mod api_key;
pub mod idempotency;
pub mod topic;

// Top: machines.
#[cfg(feature = "delivery")]
pub mod delivery;
pub mod config;
#[cfg(feature = "delivery")]
mod consent;
#[cfg(feature = "delivery")]
mod relay;
#[cfg(feature = "delivery")]
mod inline;
pub mod watch;
mod sequencer;
pub mod stream;
pub mod hub;
#[cfg(feature = "delivery")]
pub mod worker;
mod thorn;

#[cfg(feature = "testing")]
pub mod testing;

pub use async_trait::async_trait;
pub use config::Config;
pub use db::{connect, end_abandoned_transactions};
pub use dispatch::Dispatch;
pub use error::Error;
pub use id::{ApiKeyId, DeliveryId, EventId, SubscriptionId, TopicId};
pub use thorn::{Thorn, ThornBuilder};

/// Items that generated code refers to; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use async_trait::async_trait;
    pub use sea_orm;

    pub use crate::dispatch::Dispatch;
    pub use crate::event::Event;
    pub use crate::model::{
        Change, EventsOf, Field, HookedBehavior, Joins, LinkOp, LinkRows, LinkValues, ModelEvent, Op, Payload, Piece,
        Previous, Relation, Silent, Template, Trigger, WebhookModel, announce_links, lock_link_owners, members_of,
        rows_left_behind, with_headers,
    };

    /// The hooks of a generated `ActiveModelBehavior`.
    pub mod hooks {
        pub use crate::model::hooks::{after_delete, after_save, before_delete, before_save};
    }

    /// The bodies of the generated methods.
    pub mod transaction {
        pub use crate::model::transaction::{delete, insert, save, update, update_without_returning};
    }
}
