//! SeaORM's statements, with the events of the rows that they write.
//!
//! `#[webhook_model]` gives an `Entity` inherent functions `insert`, `insert_many`, `update`, `update_many`,
//! `delete`, `delete_many` and `delete_by_id`. They take precedence over those of `EntityTrait` and return these
//! builders, which have the methods and results of SeaORM's builders of the same name.
//!
//! Each statement runs in the caller's transaction, or in one of its own if it gets a pool. It writes the events
//! that the same change through an `ActiveModel` would fire, with one INSERT for all of them (or one for each 512).
//! A model without events for a kind of change runs SeaORM's statement as it is.
//!
//! SeaORM runs none of an entity's own hooks for such statements. `with_hooks()` of a builder does ([`Hooked`]).
//!
//! [`announced`] makes such a builder of one that SeaORM's own functions returned.

mod announced;
mod answer;
mod delete;
mod delete_many;
mod execution;
mod hooked;
mod insert;
mod insert_many;
mod insertion;
mod matching;
mod rehearsal;
mod row_by_row;
mod try_insert;
mod update;
mod update_many;

pub use self::{
    announced::{Announced, announced},
    delete::{DeleteOne, ValidatedDeleteOne},
    delete_many::DeleteMany,
    hooked::Hooked,
    insert::Insert,
    insert_many::InsertMany,
    try_insert::TryInsert,
    update::{UpdateOne, ValidatedUpdateOne},
    update_many::UpdateMany,
};
