#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub use thorn_core::{
    AutocommitPolicy, Buffer, Config, ConfigError, DEFAULT_MAX_EVENT_BYTES, DeliveryId, Error, EventId, EventSettings,
    Sent, SubscriptionId, Thorn, ThornBuilder, Timestamp, async_trait, buffer_events, buffer_events_or, connect,
    delivery,
    dispatch::{self, Dispatch, Dispatcher},
    end_abandoned_transactions,
    event::{self, Event, EventInfo, Sender, SenderId},
    history,
    migration::{self, migrate, migrations},
    model::{
        self, Change, Field, Joins, LinkChange, LinkOp, ModelEvent, Null, Op, Q, Relation, Trigger, WebhookModel,
        delete_many, insert_many, links, update_many, without_events,
    },
    outbox, queue, record,
    subscription::{self, Subscriber},
    worker::{self, Worker},
};

#[cfg(feature = "testing")]
pub use thorn_core::testing;

pub use thorn_axum::{HookOwner, Hooks, NON_FIELD_ERRORS, Problem, Unauthenticated, Webhook, WebhookSecrets, hooks};

#[doc = include_str!("webhook_model.md")]
pub use thorn_macros::webhook_model;

#[doc = include_str!("active_model_behavior.md")]
pub use thorn_macros::active_model_behavior;

/// The guides' examples are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/coming-from-thorn.md")]
struct ComingFromThorn;

/// What generated code refers to; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use thorn_core::__private::{
        Change, Columns, Dispatch, Event, EventsOf, Field, HookedBehavior, Joins, LinkOp, LinkRows, ModelEvent, Op,
        Piece, Relation, Silent, Trigger, WebhookModel, announce_links, async_trait, hooks, name, reference,
        rows_left_behind, sea_orm, transaction, with_headers,
    };
}
