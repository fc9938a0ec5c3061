//! Models that announce their own changes.
//!
//! `#[webhook_model]` describes the events of an entity as data ([`ModelEvent`]). This module decides when an
//! event fires, and writes it to the outbox in the transaction of the change.
//!
//! Changes come in through three entrances:
//!
//! 1. The generated methods `insert`, `update`, `save` and `delete` of an `ActiveModel` (`transaction`). They
//!    open a transaction if the caller has none.
//! 2. The generated `ActiveModelBehavior` (`hooks`). The generated methods and every generic caller pass
//!    through it. It refuses a save that would commit the row and its event separately.
//! 3. [`insert_many`], [`update_many`] and [`delete_many`] (`bulk`), because SeaORM runs no hooks for bulk
//!    statements, and [`links`] for many-to-many relations.
//!
//! Through each entrance, a junction's row that is inserted or deleted is announced to the models on both
//! sides as a link (`junction`).
//!
//! # What isn't announced
//!
//! SeaORM calls nothing in these cases, so no event is written:
//!
//! - `Entity::insert`, `Entity::update`, `Entity::delete` and SeaORM's own `*_many` builders
//! - raw SQL, and cascades of the database
//! - links of a many-to-many relation that are removed together with the row they belong to
//! - `ActiveModelTrait::update_without_returning` called generically (the generated method is covered)

mod announce;
mod autocommit;
mod before_image;
mod bulk;
mod change;
mod column_json;
mod deletion_race;
mod event;
mod field;
mod filter_rows;
pub(crate) mod hooks;
mod joins;
mod junction;
mod link_change;
mod link_rows;
pub mod links;
mod payload;
mod returning;
mod row_lock;
mod suppress;
mod template;
pub(crate) mod transaction;
mod webhook_model;

#[doc(hidden)]
pub use before_image::left_behind as rows_left_behind;
pub use bulk::{delete_many, insert_many, update_many};
pub use change::{Change, Op};
#[doc(hidden)]
pub use event::with_headers;
pub use event::{ModelEvent, Trigger};
pub use field::{Contains, EqualTo, Field, Null, OrderedWith, Text, Truthy};
pub use joins::Joins;
#[doc(hidden)]
pub use joins::{EventsOf, Silent};
#[doc(hidden)]
pub use junction::{announce_links, lock_link_owners};
pub use link_change::{LinkChange, LinkOp, Relation};
#[doc(hidden)]
pub use link_rows::{LinkRows, LinkValues};
pub use payload::{Columns, Payload};
pub use suppress::without_events;
pub use template::{Piece, Template};
pub(crate) use transaction::end;
pub use webhook_model::{HookedBehavior, WebhookModel};
