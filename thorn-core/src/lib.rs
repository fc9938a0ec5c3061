//! The core of [thorn](https://docs.rs/thorn): everything that is neither HTTP serving nor a macro.
//!
//! The modules stand in the order the data takes: `model` → `event` → `outbox` → `relay` → `queue`
//! → `delivery` → `record`. Each hands the next one a value.
#![deny(missing_docs)]

// A name for the integration tests' databases, which these tests share.
#[cfg(test)]
extern crate self as thorn_core;

mod clock;
mod config;
mod connect;
mod error;
mod id;
mod relay;
mod settings;
mod silence;
mod statement;
mod thorn;
mod timestamp;
mod transaction;

pub mod delivery;
pub mod dispatch;
pub mod event;
pub mod history;
pub mod migration;
pub mod model;
pub mod outbox;
pub mod queue;
pub mod record;
pub mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
pub mod worker;

#[cfg(all(test, feature = "sqlite"))]
#[path = "../../tests/it/database.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "a test that cannot go on has failed; these need a part of it")]
mod test_database;

pub use async_trait::async_trait;
pub use config::{Config, ConfigError};
pub use connect::{connect, end_abandoned_transactions};
pub use dispatch::{Dispatch, Dispatcher};
pub use error::Error;
pub use id::{DeliveryId, EventId, SubscriptionId};
pub use outbox::{Buffer, buffer_events, buffer_events_or};
pub use settings::{AutocommitPolicy, DEFAULT_MAX_EVENT_BYTES, EventSettings};
pub use thorn::{Sent, Thorn, ThornBuilder};
pub use timestamp::Timestamp;

#[doc(hidden)]
pub mod __private {
    pub use async_trait::async_trait;
    pub use sea_orm;
    pub use serde_json;

    pub use crate::dispatch::Dispatch;
    pub use crate::event::Event;
    pub use crate::model::{
        Change, Columns, EventsOf, Field, HookedBehavior, Joins, LinkOp, LinkRows, ModelEvent, Op, Piece, Relation,
        Silent, Trigger, WebhookModel, announce_links, hooks, name, reference, rows_left_behind, transaction,
        with_headers,
    };
}
