//! An event that a model declares.

use std::{any::TypeId, fmt};

use sea_orm::{ConnectionTrait, EntityName as _, Iterable, ModelTrait};

use super::{
    change::{Change, Op},
    column_json::key_json,
    link_change::{LinkChange, LinkOp, Relation},
};
use crate::{error::Error, event::Event, id::EventId, outbox, rendered::RenderedEvent};

/// What makes an event of a model fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A change of this kind.
    On(Op),
    /// A change of links with rows of another model.
    Links(LinkOp, Relation),
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
pub struct ModelEvent<M: ModelTrait + 'static> {
    /// The declared key without its `on_`: `create`, `publish`, ….
    pub key: &'static str,
    /// What makes it fire.
    pub trigger: Trigger,
    reads_old: bool,
    only_if_changed: bool,
    when: Option<fn(Change<'_, M>) -> bool>,
    describe: fn(&M) -> Event,
    render: fn(Event, &M) -> Result<RenderedEvent, Error>,
    link_payload: Option<RenderLinks<M>>,
}

type RenderLinks<M> = fn(Event, &M, &LinkChange) -> Result<RenderedEvent, Error>;

impl<M: ModelTrait> ModelEvent<M> {
    /// An event without a filter; `describe` gives its name, reference, sender and headers,
    /// `render` adds its data.
    #[must_use]
    pub const fn new(
        key: &'static str,
        trigger: Trigger,
        describe: fn(&M) -> Event,
        render: fn(Event, &M) -> Result<RenderedEvent, Error>,
    ) -> Self {
        Self {
            key,
            trigger,
            reads_old: false,
            only_if_changed: false,
            when: None,
            describe,
            render,
            link_payload: None,
        }
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

    /// Adds the data with the links that changed in sight. Sent by hand, the event has the other.
    #[must_use]
    pub const fn with_links(mut self, render: fn(Event, &M, &LinkChange) -> Result<RenderedEvent, Error>) -> Self {
        self.link_payload = Some(render);
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

    pub(super) const fn needs_old_row(&self) -> bool {
        self.reads_old
    }

    /// Whether its data may name the links.
    pub(super) const fn contains_links(&self) -> bool {
        self.link_payload.is_some()
    }

    /// Whether it is about links in this junction, and this change of them.
    pub(super) fn is_about_links(&self, junction: TypeId, op: Option<LinkOp>) -> bool {
        matches!(self.trigger, Trigger::Links(on, relation)
            if relation.junction == junction && op.is_none_or(|op| op == on))
    }

    /// The event of links that changed, if it fires; `change` is told the relation's name.
    pub(super) fn render_links(
        &self,
        row: &M,
        change: impl FnOnce(&'static str) -> LinkChange,
    ) -> Option<Result<RenderedEvent, Error>>
    where
        M: ModelTrait,
    {
        let Trigger::Links(_, relation) = self.trigger else { return None };
        // The row itself is as it was.
        let unchanged = Change { op: Op::Change, old: Some(row), new: row };
        self.when.is_none_or(|when| when(unchanged)).then(|| {
            let links = change(relation.name);
            let event = (self.describe)(row).context(|| {
                let mut context = context(row);
                context["links"] = serde_json::json!({ "related": links.related, "keys": links.keys });
                context
            });
            match self.link_payload {
                Some(render) => render(event, row, &links),
                None => (self.render)(event, row),
            }
        })
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
    pub(super) fn render(&self, change: Change<'_, M>) -> Option<Result<RenderedEvent, Error>> {
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
    serde_json::json!({ "model": table, "key": key_json(&row.get_primary_key_value()) })
}

fn differ<M: ModelTrait>(old: &M, new: &M) -> bool {
    <M::Entity as sea_orm::EntityTrait>::Column::iter().any(|column| old.get(column) != new.get(column))
}

impl<M: ModelTrait> fmt::Debug for ModelEvent<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelEvent").field("key", &self.key).field("trigger", &self.trigger).finish_non_exhaustive()
    }
}
