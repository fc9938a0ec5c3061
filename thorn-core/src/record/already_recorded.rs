//! Reads which deliveries are recorded, for a task that may run twice.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, prelude::Uuid};

use super::write::IDS_PER_QUERY;
use crate::{
    attempt::DeliveryState,
    db::one_of,
    error::Error,
    id::DeliveryId,
    tables::delivery::{Column, Entity},
};

/// The recorded number of attempts and state of each of these deliveries, for a task that may run twice.
pub(crate) async fn already_recorded<C: ConnectionTrait>(
    db: &C,
    ids: impl IntoIterator<Item = DeliveryId>,
) -> Result<HashMap<DeliveryId, (u32, Option<DeliveryState>)>, Error> {
    let ids: Vec<Uuid> = ids.into_iter().map(DeliveryId::as_uuid).collect();
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_QUERY) {
        let these = one_of(db, Column::Id, ids.iter().copied());
        let select = Entity::find().select_only().columns([Column::Id, Column::Attempts, Column::State]);
        let rows: Vec<(Uuid, i32, String)> = select.filter(these).into_tuple().all(db).await?;
        found.extend(rows.into_iter().map(|(id, attempts, state)| {
            let attempts = u32::try_from(attempts).unwrap_or(0);
            (DeliveryId::from_uuid(id), (attempts, DeliveryState::from_stored(&state)))
        }));
    }
    Ok(found)
}
