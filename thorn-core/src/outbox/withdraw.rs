//! Deletes events that later events of the same transaction replace.

use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter};

use crate::{
    db::{MAX_BOUND_VALUES, one_of},
    error::Error,
    id::EventId,
    tables::event::{Column, Entity},
};

/// Deletes these events. This transaction must have written them, so no relay has seen them.
pub(super) async fn withdraw<C: ConnectionTrait>(db: &C, events: &[EventId]) -> Result<(), Error> {
    for ids in events.chunks(MAX_BOUND_VALUES) {
        let these = one_of(db, Column::Id, ids.iter().map(|id| id.as_uuid()));
        Entity::delete_many().filter(these).exec(db).await?;
    }
    Ok(())
}
