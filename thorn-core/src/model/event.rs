//! The events that a model declares, as data.

mod firing;

use std::fmt;

use sea_orm::ModelTrait;

use super::{
    change::{Change, Op},
    link_change::{LinkOp, Relation},
    payload::{ColumnOf, Payload, RenderLinks},
    previous::Previous,
    template::Template,
};
use crate::{dispatch::Dispatch, event::Event};

/// The change that makes a model's event fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A change of this kind.
    On(Op),
    /// A change of links with rows of another model.
    Links(LinkOp, Relation),
    /// Nothing. The event is only sent by hand.
    Manual,
}

/// Adds something that depends on the row, such as its sender, to an event.
type Add<M> = fn(Event, &M) -> Event;

/// One event of a model, as `#[webhook_model]` describes it in an `on_…` entry.
///
/// Its fields tell what a catalogue of events needs: name, trigger, reference, sender and data.
/// [`WebhookModel::EVENTS`](super::WebhookModel::EVENTS) lists the events of a model.
///
/// Changes of rows fire the event. It can also be sent by hand:
///
/// ```
/// use sea_orm::DatabaseConnection;
/// use thorn_core::{Error, model::WebhookModel};
///
/// async fn publish<E: WebhookModel>(row: &E::Model, db: &DatabaseConnection) -> Result<(), Error> {
///     E::webhook("publish")?.send(db, row).await?; // declared as `on_publish(…)`
///     Ok(())
/// }
/// ```
#[non_exhaustive]
pub struct ModelEvent<M: ModelTrait + 'static> {
    /// The declared key without its `on_`: `create`, `publish`, ….
    pub key: &'static str,
    /// The change that makes the event fire.
    pub trigger: Trigger,
    /// The event's name, which may contain values of columns.
    pub name: Template<ColumnOf<M>>,
    /// The path at which receivers find the row: `ref` in the body.
    pub reference: Option<Template<ColumnOf<M>>>,
    /// The column with the event's sender. Receivers see the sender in the body.
    pub sender: Option<ColumnOf<M>>,
    /// Whether subscriptions of every owner receive the event, not only the sender's.
    pub broadcast: bool,
    /// How the event is dispatched. `None` follows the application's setting.
    pub dispatch: Option<&'static Dispatch>,
    /// The `data` in the body.
    pub payload: Payload<M>,
    /// Whether the event fires only if some column changed.
    pub only_if_changed: bool,
    /// Whether several changes of a row in one buffer are one event, from the first old row to the last new one.
    pub coalesce: bool,
    /// Where the old values in the body's `previous` come from. `None` if the body has no such field.
    pub previous: Option<Previous<M>>,
    when: Option<fn(Change<'_, M>) -> bool>,
    when_needs_old_row: bool,
    add_sender: Option<Add<M>>,
    add_headers: Option<Add<M>>,
    link_payload: Option<RenderLinks<M>>,
}

impl<M: ModelTrait> ModelEvent<M> {
    /// An event with all columns as its data. It is broadcast, and has no filter, reference or headers.
    #[must_use]
    pub const fn new(key: &'static str, trigger: Trigger, name: Template<ColumnOf<M>>) -> Self {
        Self {
            key,
            trigger,
            name,
            reference: None,
            sender: None,
            broadcast: true,
            dispatch: None,
            payload: Payload::AllColumns,
            only_if_changed: false,
            coalesce: false,
            previous: None,
            when: None,
            when_needs_old_row: false,
            add_sender: None,
            add_headers: None,
            link_payload: None,
        }
    }

    /// Sets the path at which receivers find the row.
    #[must_use]
    pub const fn reference(mut self, reference: Template<ColumnOf<M>>) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Sets the column with the sender; `add` sets the column's value as the sender of an event. The event is
    /// then no longer broadcast, unless [`broadcast`](Self::broadcast) is called after this.
    #[must_use]
    pub const fn sender(mut self, column: ColumnOf<M>, add: fn(Event, &M) -> Event) -> Self {
        self.sender = Some(column);
        self.add_sender = Some(add);
        self.broadcast = false;
        self
    }

    /// Sends the event to subscriptions of every owner, although it has a sender.
    #[must_use]
    pub const fn broadcast(mut self) -> Self {
        self.broadcast = true;
        self
    }

    /// Sets the function that adds headers to an event.
    #[must_use]
    pub const fn headers(mut self, add: fn(Event, &M) -> Event) -> Self {
        self.add_headers = Some(add);
        self
    }

    /// Sets how the event is dispatched.
    #[must_use]
    pub const fn dispatch(mut self, dispatch: &'static Dispatch) -> Self {
        self.dispatch = Some(dispatch);
        self
    }

    /// Sets the data.
    #[must_use]
    pub const fn payload(mut self, payload: Payload<M>) -> Self {
        self.payload = payload;
        self
    }

    /// Sets the data for links that changed. An event that is sent by hand has its [`payload`](Self::payload).
    #[must_use]
    pub const fn link_payload(mut self, render: RenderLinks<M>) -> Self {
        self.link_payload = Some(render);
        self
    }

    /// Sets a filter: the event fires only if `when` holds. `needs_old_row` says whether the filter reads the
    /// row as it was before.
    #[must_use]
    pub const fn when(mut self, needs_old_row: bool, when: fn(Change<'_, M>) -> bool) -> Self {
        self.when_needs_old_row = needs_old_row;
        self.when = Some(when);
        self
    }

    /// Makes the event fire only if some column differs from before.
    #[must_use]
    pub const fn only_if_changed(mut self) -> Self {
        self.only_if_changed = true;
        self
    }

    /// Makes one event of several changes of a row in one buffer.
    #[must_use]
    pub const fn coalesce(mut self) -> Self {
        self.coalesce = true;
        self
    }

    /// Adds the old values of the data that changed to the body, as `previous`.
    #[must_use]
    pub const fn previous(mut self, previous: Previous<M>) -> Self {
        self.previous = Some(previous);
        self
    }

    /// The event's name with `*` in place of each column, such as `user.*.created`.
    #[must_use]
    pub fn name_pattern(&self) -> String {
        self.name.pattern()
    }

    /// The columns of the data, in their order; `None` if code of the application makes the data.
    #[must_use]
    pub fn columns(&self) -> Option<Vec<ColumnOf<M>>> {
        self.payload.columns()
    }

    /// Whether changes of this kind may fire the event.
    pub(super) fn fires_on(&self, op: Op) -> bool {
        self.trigger == Trigger::On(op)
    }

    /// Whether the event needs the row as it was before, to decide whether it fires or for its body.
    pub(super) const fn needs_old_row(&self) -> bool {
        self.only_if_changed || self.when_needs_old_row || self.previous.is_some()
    }

    /// Whether only code of the application can decide if the event fires, or render it.
    pub(crate) const fn needs_code(&self) -> bool {
        let has_code_for_data = matches!(self.payload, Payload::Function(_) | Payload::Type(_));
        self.when.is_some() || self.add_headers.is_some() || has_code_for_data
    }

    /// Whether the data is made from the links that changed.
    pub(super) const fn contains_links(&self) -> bool {
        self.link_payload.is_some()
    }
}

/// Adds the headers that a `headers` function of the application returned.
#[must_use]
pub fn with_headers<N, V>(event: Event, headers: impl IntoIterator<Item = (N, V)>) -> Event
where
    N: Into<String>,
    V: Into<String>,
{
    headers.into_iter().fold(event, |event, (name, value)| event.header(name, value))
}

impl<M: ModelTrait> fmt::Debug for ModelEvent<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelEvent")
            .field("key", &self.key)
            .field("trigger", &self.trigger)
            .field("name", &self.name_pattern())
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
