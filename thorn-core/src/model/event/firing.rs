//! From a row to the rendered event about it.

use std::any::TypeId;

use sea_orm::{ConnectionTrait, EntityName, Iterable, ModelTrait};

use super::{ModelEvent, Trigger};
use crate::{
    error::Error,
    event::{Event, Subject},
    id::EventId,
    model::{
        change::{Change, Op},
        column_json::key_json,
        link_change::{LinkChange, LinkOp},
        payload::ColumnOf,
    },
    outbox,
    rendered::RenderedEvent,
};

impl<M: ModelTrait> ModelEvent<M> {
    /// Writes the event about this row to the outbox, whatever its filter says.
    ///
    /// # Errors
    ///
    /// As [`Event::send`].
    pub async fn send<C: ConnectionTrait>(&self, db: &C, row: &M) -> Result<EventId, Error> {
        self.send_with(db, row, |event| event).await
    }

    /// As [`send`](Self::send), but `adjust` may change the event, for example its sender or timeout.
    ///
    /// # Errors
    ///
    /// As [`Event::send`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use sea_orm::DatabaseConnection;
    /// use thorn_core::{Error, model::WebhookModel};
    ///
    /// async fn publish<E: WebhookModel>(row: &E::Model, editor: i64, db: &DatabaseConnection) -> Result<(), Error> {
    ///     let publish = E::webhook("publish")?;
    ///     publish.send_with(db, row, |event| event.sender(editor).timeout(Duration::from_secs(3))).await?;
    ///     Ok(())
    /// }
    /// ```
    pub async fn send_with<C: ConnectionTrait>(
        &self,
        db: &C,
        row: &M,
        adjust: impl FnOnce(Event) -> Event,
    ) -> Result<EventId, Error> {
        let event = adjust(self.describe(row)).about(subject(row));
        let event = self.render_row(event, None, row)?;
        let id = event.id;
        outbox::write(db, vec![event]).await?;
        Ok(id)
    }

    /// Renders the event of this change, if it fires.
    pub(in crate::model) fn render(&self, change: Change<'_, M>) -> Option<Result<RenderedEvent, Error>> {
        let fires = self.fires_on(change.op)
            && (!self.only_if_changed || change.old.is_none_or(|old| differ(old, change.new)))
            && self.when.is_none_or(|when| when(change));
        let Change { old, new, .. } = change;
        fires.then(|| self.render_row(self.describe(new).about(subject(new)), old, new))
    }

    /// Renders the event with the data of this row, and with `previous` if it is declared.
    fn render_row(&self, event: Event, old: Option<&M>, row: &M) -> Result<RenderedEvent, Error> {
        let previous = self.previous.as_ref().map(|previous| previous.render(&self.payload, old, row)).transpose();
        let previous = previous.map_err(|source| Error::Payload { event: event.name().to_owned(), source })?;
        self.payload.render(event.previous(previous), row)
    }

    /// Whether the event is about links in this junction, and about this change of them if `op` is given.
    pub(in crate::model) fn is_about_links(&self, junction: TypeId, op: Option<LinkOp>) -> bool {
        matches!(self.trigger, Trigger::Links(on, relation)
            if relation.junction == junction && op.is_none_or(|op| op == on))
    }

    /// Renders the event about links of this row, if it fires. `change` gets the name of the relation.
    pub(in crate::model) fn render_links(
        &self,
        row: &M,
        change: impl FnOnce(&'static str) -> LinkChange,
    ) -> Option<Result<RenderedEvent, Error>> {
        let Trigger::Links(_, relation) = self.trigger else { return None };
        // A change of links doesn't change the row itself.
        let unchanged = Change { op: Op::Change, old: Some(row), new: row };
        self.when.is_none_or(|when| when(unchanged)).then(|| {
            let links = change(relation.name);
            let event = self.describe(row).about(subject(row));
            let event = event.links(|| serde_json::json!({ "related": links.related, "keys": links.keys }));
            match self.link_payload {
                Some(render) => render(event, row, &links),
                None => self.payload.render(event, row),
            }
        })
    }

    /// The event about this row without its data.
    fn describe(&self, row: &M) -> Event {
        let mut event = Event::new(self.name.name_for(row));
        if let Some(reference) = &self.reference {
            event = event.reference(reference.path_for(row));
        }
        if let Some(add) = self.add_sender {
            event = add(event, row);
        }
        if self.broadcast {
            event = event.broadcast();
        }
        if let Some(dispatch) = self.dispatch {
            event = event.dispatch(dispatch.clone());
        }
        match self.add_headers {
            Some(add) => add(event, row),
            None => event,
        }
    }
}

fn subject<M: ModelTrait>(row: &M) -> Subject {
    Subject { table: M::Entity::default().table_name().into(), key: key_json(&row.get_primary_key_value()) }
}

fn differ<M: ModelTrait>(old: &M, new: &M) -> bool {
    ColumnOf::<M>::iter().any(|column| old.get(column) != new.get(column))
}
