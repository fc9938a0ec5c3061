//! The event types that webhooks can be linked with.

use std::ops::Range;

use sea_orm::ConnectionTrait;

use super::{links, store::Webhooks};
use crate::{
    catalogue::{self, EventType, Listed},
    error::Error,
    subscription::Write,
};

impl Webhooks<'_> {
    /// Declares an event type.
    ///
    /// # Errors
    ///
    /// [`Error::Subscription`] if the name is invalid or declared already; [`Error::Database`].
    pub async fn create_event(&self, name: &str) -> Result<EventType, Error> {
        self.check_event(name)?;
        let write = self.subscriptions.begin_write().await?;
        let created = catalogue::insert(&write.transaction, &self.owner, name).await;
        write.finish(created).await
    }

    /// Gives an event type another name. The webhooks that are linked with it get the events of the new name from now on.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also if it belongs to somebody else; [`Error::Secret`] if the secret of one of these webhooks
    /// can't be decrypted; otherwise as [`create_event`](Self::create_event).
    pub async fn rename_event(&self, id: i64, name: &str) -> Result<EventType, Error> {
        self.event(id).await?;
        self.check_event(name)?;
        let mut write = self.subscriptions.begin_write().await?;
        let renamed = self.rename(&mut write, id, name).await;
        write.finish(renamed).await
    }

    async fn rename(&self, write: &mut Write, id: i64, name: &str) -> Result<EventType, Error> {
        let before = catalogue::find(&write.transaction, &self.owner, id).await?;
        catalogue::rename(&write.transaction, id, name).await?;
        let renamed = EventType { name: name.to_owned(), ..before };
        for webhook in links::webhooks_of(&write.transaction, id).await? {
            let webhook = self.row(&write.transaction, webhook).await?;
            links::connect(self.subscriptions, write, &webhook, std::slice::from_ref(&renamed)).await?;
        }
        Ok(renamed)
    }

    /// One event type.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also if it belongs to somebody else; [`Error::Database`].
    pub async fn event(&self, id: i64) -> Result<EventType, Error> {
        catalogue::find(&self.subscriptions.db, &self.owner, id).await
    }

    /// The event type of this name, read on this connection.
    ///
    /// # Errors
    ///
    /// As [`event`](Self::event).
    pub async fn event_named<C: ConnectionTrait>(&self, db: &C, name: &str) -> Result<EventType, Error> {
        catalogue::find_named(db, &self.owner, name).await
    }

    /// A part of the event types, by name.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn events(&self, part: Range<u64>) -> Result<Listed<EventType>, Error> {
        catalogue::list(&self.subscriptions.db, &self.owner, part).await
    }

    /// Deletes an event type, and ends its links with webhooks.
    ///
    /// # Errors
    ///
    /// As [`event`](Self::event).
    pub async fn delete_event(&self, id: i64) -> Result<(), Error> {
        let mut write = self.subscriptions.begin_write().await?;
        let deleted = self.remove_event(&mut write, id).await;
        write.finish(deleted).await
    }

    async fn remove_event(&self, write: &mut Write, id: i64) -> Result<(), Error> {
        catalogue::find(&write.transaction, &self.owner, id).await?;
        for webhook in links::webhooks_of(&write.transaction, id).await? {
            links::end(self.subscriptions, write, webhook, &[id]).await?;
        }
        catalogue::delete(&write.transaction, id).await
    }

    fn check_event(&self, name: &str) -> Result<(), Error> {
        let mut fields = self.subscriptions.fields();
        fields.event_name(name);
        if fields.is_valid() { Ok(()) } else { Err(fields.into_errors().into()) }
    }
}
