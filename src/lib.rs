#![doc = include_str!("guide_links.md")]
#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod guide;

pub use thorn_core::{
    ApiKeyId, DeliveryId, EventId, SubscriptionId, Thorn, ThornBuilder, TopicId, api_key, async_trait, attempt,
    catalogue,
    config::{self, Config},
    connect,
    dispatch::Dispatch,
    end_abandoned_transactions,
    error::{self, Error},
    event::{self, Event},
    filter::{self, Q},
    guard, history, hub, idempotency, log,
    migration::{self, migrate, migrations},
    model::{self, delete_many, insert_many, links, update_many, without_events},
    outbox, resend, signing, stream,
    subscription::{self, Subscriber},
    timestamp, topic, verification,
    watch::{self, Watch},
    webhook,
};

#[cfg(feature = "delivery")]
pub use thorn_core::{
    delivery,
    worker::{self, Worker},
};

/// How events are dispatched after their commit, and dispatchers of the application's own.
pub mod dispatch {
    pub use thorn_core::dispatch::{Dispatch, ParseDispatchError};
    #[cfg(feature = "delivery")]
    pub use thorn_core::worker::{BoxError, Dispatcher};
}

#[cfg(feature = "testing")]
pub use thorn_core::testing;

#[cfg(feature = "engine")]
pub use thorn_axum::engine;
pub use thorn_axum::{
    Caller, Hooks, InvalidSecret, Problem, RawWebhook, Streams, Unauthenticated, Webhook, WebhookSecrets,
    end_stalled_connections, hooks, streams,
};

#[doc = include_str!("webhook_model.md")]
pub use thorn_macros::webhook_model;

#[doc = include_str!("active_model_behavior.md")]
pub use thorn_macros::active_model_behavior;

/// For code that the macros generate. Not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use thorn_core::__private::{
        Change, Dispatch, Event, EventsOf, Field, HookedBehavior, Joins, LinkOp, LinkRows, LinkValues, ModelEvent, Op,
        Payload, Piece, Previous, Relation, Silent, Template, Trigger, WebhookModel, announce_links, async_trait,
        hooks, lock_link_owners, members_of, rows_left_behind, sea_orm, transaction, with_headers,
    };
}
