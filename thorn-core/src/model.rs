//! Models that announce their own changes.
//!
//! `#[webhook_model]` describes the events of an entity as data ([`ModelEvent`]). This module decides when an
//! event fires, and writes it to the outbox in the transaction of the change.
//!
//! Changes come in through these entrances:
//!
//! 1. The generated methods `insert`, `update`, `save` and `delete` of an `ActiveModel` (`transaction`). They
//!    open a transaction if the caller has none.
//! 2. The generated `ActiveModelBehavior` (`hooks`). The generated methods and every generic caller pass
//!    through it. It refuses a save that would commit the row and its event separately.
//! 3. The generated functions of an `Entity`, which return the builders of [`statement`], and the functions
//!    [`insert_many`], [`update_many`] and [`delete_many`] (`bulk`). SeaORM runs no hooks for such statements,
//!    and neither does thorn, unless [`with_hooks`](statement::Hooked) asks for the entity's own.
//! 4. [`links`] for many-to-many relations.
//!
//! Through each entrance, a junction's row that is inserted or deleted is announced to the models on both
//! sides as a link (`junction`).
//!
//! # What isn't announced
//!
//! SeaORM calls nothing of thorn's in these cases, so no event is written:
//!
//! - builders that SeaORM's own functions return, unless [`statement::announced`] converts them
//! - raw SQL, and cascades of the database
//! - links of a many-to-many relation that are removed together with the row they belong to
//! - `ActiveModelTrait::update_without_returning` called generically (the generated method is covered)

mod announce;
mod autocommit;
mod before_image;
mod bulk;
mod change;
mod coalesce;
mod column_json;
mod deletion_race;
mod event;
mod field;
mod filter_rows;
mod hooked_behavior;
pub(crate) mod hooks;
mod joins;
mod junction;
mod link_change;
mod link_rows;
pub mod links;
mod payload;
mod previous;
mod returning;
mod row_lock;
pub mod statement;
mod suppress;
mod template;
pub(crate) mod transaction;
mod unwritten;
mod webhook_model;

pub use crate::process::AutocommitPolicy;
#[doc(hidden)]
pub use before_image::left_behind as rows_left_behind;
pub use bulk::{delete_many, insert_many, update_many};
pub use change::{Change, Op};
pub(crate) use column_json::ColumnJson;
#[doc(hidden)]
pub use event::with_headers;
pub use event::{ModelEvent, Trigger};
pub use field::{Contains, EqualTo, Field, Null, OrderedWith, Text, Truthy};
pub use hooked_behavior::HookedBehavior;
pub use joins::Joins;
#[doc(hidden)]
pub use joins::{EventsOf, Silent};
#[doc(hidden)]
pub use junction::{announce_links, lock_link_owners};
pub use link_change::{LinkChange, LinkOp, Relation};
#[doc(hidden)]
pub use link_rows::{LinkRows, LinkValues};
pub use payload::{Columns, Payload};
#[doc(hidden)]
pub use previous::members_of;
pub use previous::{DataMembers, Previous};
pub use suppress::without_events;
pub(crate) use template::encode;
pub use template::{Piece, Template};
pub(crate) use transaction::end;
pub use webhook_model::WebhookModel;
pub(crate) use webhook_model::has_events;
