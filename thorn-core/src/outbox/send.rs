//! Sending an event by hand.

use sea_orm::ConnectionTrait;
use serde::Serialize;

use super::write;
use crate::{error::Error, event::Event, id::EventId};

impl Event {
    /// Writes the event to the outbox on this connection: inside a transaction it becomes visible
    /// with the commit and vanishes with a rollback. A delivery that fails is never an error here.
    ///
    /// # Errors
    ///
    /// [`Error::EventName`], [`Error::Payload`], [`Error::EventTooLarge`], [`Error::Header`],
    /// [`Error::RequestData`], [`Error::Target`], [`Error::Callback`], [`Error::Option`] (also for a dispatcher that isn't known) for bad
    /// input, in which case nothing is written; [`Error::Database`].
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
