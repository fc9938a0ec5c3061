//! Thorn makes a database model announce its own changes to the outside world.

pub use thorn_core::model::{
    self, Change, Field, ModelEvent, Null, Op, Trigger, WebhookModel, delete_many, insert_many, update_many,
    without_events,
};

#[doc = include_str!("webhook_model.md")]
pub use thorn_macros::webhook_model;

#[doc = include_str!("active_model_behavior.md")]
pub use thorn_macros::active_model_behavior;

/// What generated code refers to; no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use thorn_core::__private::{
        Change, Columns, Event, Field, HookedBehavior, ModelEvent, Op, Piece, Trigger, WebhookModel, async_trait,
        hooks, name, reference, rows_left_behind, sea_orm, transaction, with_headers,
    };
}
