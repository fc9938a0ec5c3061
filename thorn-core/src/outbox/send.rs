//! Sends an event by hand.

use sea_orm::ConnectionTrait;
use serde::Serialize;

use super::write;
use crate::{error::Error, event::Event, id::EventId};

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
}
