//! An event that a model declares.

use std::fmt;

use sea_orm::{ConnectionTrait, EntityName as _, Iterable, ModelTrait, sea_query::value::sea_value_to_json_value};

use super::{Change, Op};
use crate::{
    Error, EventId,
    event::{Event, RenderedEvent},
    outbox,
};

/// What makes an event of a model fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A change of this kind.
    On(Op),
    /// Nothing; it is only sent by hand.
    Manual,
}

/// One `on_…` of a model, as `#[webhook_model]` describes it.
///
/// It fires by itself, or is sent by hand:
///
/// ```
/// use sea_orm::DatabaseConnection;
/// use thorn_core::{Error, model::WebhookModel};
///
/// async fn announce<E: WebhookModel>(row: &E::Model, db: &DatabaseConnection) -> Result<(), Error> {
///     E::webhook("publish")?.send(db, row).await?; // declared as `on_publish(…)`
///     Ok(())
/// }
/// ```
#[non_exhaustive]
pub struct ModelEvent<M: 'static> {
    /// The declared key without its `on_`: `create`, `publish`, ….
    pub key: &'static str,
    /// What makes it fire.
    pub trigger: Trigger,
    reads_old: bool,
    only_if_changed: bool,
    when: Option<fn(Change<'_, M>) -> bool>,
    describe: fn(&M) -> Event,
    render: fn(Event, &M) -> Result<RenderedEvent, Error>,
}

impl<M: 'static> ModelEvent<M> {
    /// An event without a filter; `describe` gives its name, reference, sender and headers,
    /// `render` adds its data.
    #[must_use]
    pub const fn new(
        key: &'static str,
        trigger: Trigger,
        describe: fn(&M) -> Event,
        render: fn(Event, &M) -> Result<RenderedEvent, Error>,
    ) -> Self {
        Self { key, trigger, reads_old: false, only_if_changed: false, when: None, describe, render }
    }

    /// Fires only if this holds, which may ask for the row as it was before.
    #[must_use]
    pub const fn when(mut self, reads_old: bool, when: fn(Change<'_, M>) -> bool) -> Self {
        self.reads_old |= reads_old;
        self.when = Some(when);
        self
    }

    /// Fires only if some column differs from before.
    #[must_use]
    pub const fn only_if_changed(mut self) -> Self {
        self.reads_old = true;
        self.only_if_changed = true;
        self
    }

    /// Writes the event about this row to the outbox, whatever its filter says.
    ///
    /// # Errors
    ///
    /// As [`Event::send`].
    pub async fn send<C: ConnectionTrait>(&self, db: &C, row: &M) -> Result<EventId, Error>
    where
        M: ModelTrait,
    {
        self.send_with(db, row, |event| event).await
    }

    /// As [`send`](Self::send), with a change to the event: another sender, a timeout, ….
    ///
    /// # Errors
    ///
    /// As [`Event::send`].
    pub async fn send_with<C: ConnectionTrait>(
        &self,
        db: &C,
        row: &M,
        adjust: impl FnOnce(Event) -> Event,
    ) -> Result<EventId, Error>
    where
        M: ModelTrait,
    {
        let event = (self.render)(adjust((self.describe)(row)).context(|| context(row)), row)?;
        let id = event.id;
        outbox::write(db, vec![event]).await?;
        Ok(id)
    }

    pub(super) fn fires_on(&self, op: Op) -> bool {
        self.trigger == Trigger::On(op)
    }

    pub(super) const fn reads_old(&self) -> bool {
        self.reads_old
    }
}

/// Adds what a `headers` function returned.
#[must_use]
pub fn with_headers<N, V>(event: Event, headers: impl IntoIterator<Item = (N, V)>) -> Event
where
    N: Into<String>,
    V: Into<String>,
{
    headers.into_iter().fold(event, |event, (name, value)| event.header(name, value))
}

impl<M: ModelTrait> ModelEvent<M> {
    /// The event of this change, if it fires.
    pub(super) fn fire(&self, change: Change<'_, M>) -> Option<Result<RenderedEvent, Error>> {
        let fires = self.fires_on(change.op)
            && (!self.only_if_changed || change.old.is_none_or(|old| differ(old, change.new)))
            && self.when.is_none_or(|when| when(change));
        let describe = |row: &M| (self.describe)(row).context(|| context(row));
        fires.then(|| (self.render)(describe(change.new), change.new))
    }
}

/// What a callback is told about the row.
fn context<M: ModelTrait>(row: &M) -> serde_json::Value {
    let table = <M::Entity as Default>::default().table_name().to_owned();
    let mut key: Vec<_> =
        row.get_primary_key_value().into_iter().map(|value| sea_value_to_json_value(&value)).collect();
    let key = if key.len() == 1 { key.swap_remove(0) } else { key.into() };
    serde_json::json!({ "model": table, "key": key })
}

fn differ<M: ModelTrait>(old: &M, new: &M) -> bool {
    <M::Entity as sea_orm::EntityTrait>::Column::iter().any(|column| old.get(column) != new.get(column))
}

impl<M: 'static> fmt::Debug for ModelEvent<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelEvent").field("key", &self.key).field("trigger", &self.trigger).finish_non_exhaustive()
    }
}
