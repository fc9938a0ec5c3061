//! Models that announce their own changes.
//!
//! `#[webhook_model]` describes an entity's events as data ([`ModelEvent`]); this module decides
//! when they fire and writes them in the transaction of the change. It has three entrances:
//!
//! 1. the generated inherent methods `insert`, `update`, `save` and `delete` of an `ActiveModel`
//!    (`transaction`), which open a transaction if the caller has none;
//! 2. the generated `ActiveModelBehavior` (`hooks`), through which they and every generic caller
//!    pass, and which refuses a save that would be two commits;
//! 3. [`insert_many`], [`update_many`] and [`delete_many`] (`bulk`), since SeaORM runs no hooks
//!    for bulk statements, and [`links`] for many-to-many relations.
//!
//! Whichever it is, a row of a junction that comes or goes is a link of both its sides, which
//! `junction` tells.
//!
//! Not covered, because SeaORM calls nothing there: `Entity::insert/update/delete` and the
//! `*_many` builders of SeaORM itself, raw SQL, the database's own cascades, links of a
//! many-to-many relation that are removed with their owner, and
//! `ActiveModelTrait::update_without_returning` when called generically (the inherent one is
//! covered).

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
#[doc(hidden)]
pub mod hooks;
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
#[doc(hidden)]
pub mod transaction;
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
pub use payload::Columns;
pub use suppress::without_events;
#[doc(hidden)]
pub use template::{Piece, name, reference};
pub(crate) use transaction::end;
pub use webhook_model::{HookedBehavior, WebhookModel};
