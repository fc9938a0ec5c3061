//! Sends an event by hand.

use sea_orm::ConnectionTrait;
use serde::Serialize;

use super::write;
use crate::{
    error::Error,
    event::{Event, RawBody},
    id::EventId,
};

impl Event {
    /// Writes the event to the outbox on this connection.
    ///
    /// Inside a transaction, the event becomes visible with the commit and vanishes with a rollback. A failed
    /// delivery is never an error here.
    ///
    /// # Errors
    ///
    /// [`Error::EventName`], [`Error::Payload`], [`Error::EventTooLarge`], [`Error::Header`],
    /// [`Error::RequestData`], [`Error::Target`], [`Error::Callback`] or [`Error::Option`] for bad input. Nothing is
    /// written then. An unknown dispatcher is an [`Error::Option`], too.
    ///
    /// [`Error::Secret`] if a recipient's secret can't be encrypted.
    ///
    /// [`Error::Database`] if the event can't be inserted.
    pub async fn send<C, P>(self, db: &C, payload: &P) -> Result<EventId, Error>
    where
        C: ConnectionTrait,
        P: Serialize + ?Sized,
    {
        let event = self.render(payload)?;
        let id = event.id;
        write(db, vec![event]).await?;
        Ok(id)
    }

    /// Writes the event to the outbox on this connection, with these bytes as the whole body of its deliveries.
    ///
    /// A raw event is matched, delivered and retried like any other. Its deliveries have exactly these bytes and this
    /// media type, whatever `content_type` a subscription has. The event's name, reference and sender are sent in the
    /// headers `Hook-Event`, `Hook-Ref` and `Hook-Sender` only, percent-encoded. The signatures cover the bytes, but
    /// no header except `webhook-id` and `webhook-timestamp`.
    ///
    /// Filters of subscriptions test the body as JSON if the media type is `application/json` or ends in `+json`.
    /// Otherwise a subscription with a filter doesn't receive the event.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send). [`Error::PayloadTooLarge`] if there are more bytes than `max_payload_bytes`
    /// (1 MiB). [`Error::Header`] if the media type is longer than 255 characters or isn't printable ASCII.
    /// [`Error::Option`] if the event has request data.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example(db: sea_orm::DatabaseTransaction, png: Vec<u8>) -> Result<(), thorn_core::Error> {
    /// use thorn_core::event::{Event, RawBody};
    ///
    /// let body = RawBody { media_type: Some("image/png".into()), bytes: png.into() };
    /// Event::new("chart.drawn").sender("alice").send_raw(&db, body).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_raw<C: ConnectionTrait>(self, db: &C, body: RawBody) -> Result<EventId, Error> {
        let event = self.render_raw(body)?;
        let id = event.id;
        write(db, vec![event]).await?;
        Ok(id)
    }
}
