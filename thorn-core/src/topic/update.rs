//! New versions of topics, as events.

use bytes::Bytes;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, prelude::Uuid, sea_query::Expr};
use sha2::{Digest as _, Sha256};

use super::entry::{Topic, not_found};
use crate::{
    error::Error,
    event::{Event, RawBody},
    id::{EventId, TopicId},
    rendered::RenderedEvent,
    tables::topic::{Column, Entity},
};

impl Topic {
    /// A new version of the topic, as the event that distributes it. Without a media type it is
    /// `application/octet-stream`.
    ///
    /// [`note_version`](Self::note_version) belongs to the transaction that writes the event.
    ///
    /// # Errors
    ///
    /// As [`Event::render_raw`].
    pub fn version(&self, body: RawBody) -> Result<RenderedEvent, Error> {
        let media_type = body.media_type.unwrap_or_else(|| NO_MEDIA_TYPE.to_owned());
        self.update().render_raw(RawBody { media_type: Some(media_type), ..body })
    }

    /// Notes that this event distributes the topic's newest version. Older versions that aren't delivered yet aren't sent
    /// any more.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the topic was deleted; [`Error::Database`].
    pub async fn note_version<C: ConnectionTrait>(&self, db: &C, event: &RenderedEvent) -> Result<(), Error> {
        let body = event.raw.clone().unwrap_or_default();
        // The statement locks the topic's row until the commit, so versions are written one after the other.
        let noted = Entity::update_many()
            .col_expr(Column::MediaType, Expr::value(body.media_type))
            .col_expr(Column::BodyHash, Expr::value(body_hash(&body.bytes)))
            .col_expr(Column::Etag, Expr::value(None::<String>))
            .col_expr(Column::LastModified, Expr::value(None::<String>))
            .col_expr(Column::LatestEvent, Expr::value(event.id.as_uuid()))
            .filter(Column::Id.eq(self.id.as_uuid()))
            .exec(db)
            .await?;
        if noted.rows_affected == 0 { Err(not_found(self.id)) } else { Ok(()) }
    }

    /// The event that distributes a version.
    fn update(&self) -> Event {
        Event::topic_updated(self.head()).sender(self.owner.as_ref())
    }
}

/// The media type of a version that has none.
pub(crate) const NO_MEDIA_TYPE: &str = "application/octet-stream";

/// The hash by which a version is compared with the one before.
pub(crate) fn body_hash(body: &Bytes) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The event of the topic's newest version. `None` if the topic was deleted.
pub(crate) async fn latest_event<C: ConnectionTrait>(db: &C, topic: TopicId) -> Result<Option<EventId>, Error> {
    let found = Entity::find_by_id(topic.as_uuid()).select_only().column(Column::LatestEvent);
    let found: Option<Option<Uuid>> = found.into_tuple().one(db).await?;
    Ok(found.flatten().map(EventId::from_uuid))
}
