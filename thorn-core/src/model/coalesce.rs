//! Makes one event of several changes of a row in one buffer (`coalesce`).
//!
//! A transaction doesn't tell where it ends, so only a scope of [`buffer_events`](crate::outbox::buffer_events) joins
//! changes. Its end is known, and it belongs to one connection. A save outside of such a scope writes its event
//! at once, with its own old row.
//!
//! The scope keeps a [`Run`] for each changed row. A run begins with the first change of the row and ends when
//! the row is inserted or deleted. Each further change withdraws the events of the run and announces the change
//! from the first old row to the last new one, if it fires.

use std::any::TypeId;

use sea_orm::{ConnectionTrait, DbErr, ModelTrait};

use super::{
    change::{Change, Op},
    webhook_model::WebhookModel,
};
use crate::{db::Concrete, error::Error, id::EventId, outbox, rendered::RenderedEvent};

/// The changes of one row so far.
struct Run<M> {
    /// The row before the first change, if an event of the model needs it.
    first: Option<M>,
    /// The last event of each declared event, by its place in the declaration.
    announced: Vec<(usize, EventId)>,
}

/// Renders the events of one change, in the order of their declaration. Events of earlier changes that it
/// replaces are withdrawn from the buffer of this connection.
pub(super) fn render_events<E: WebhookModel, C: ConnectionTrait>(
    change: Change<'_, E::Model>,
    db: &C,
) -> Result<Vec<RenderedEvent>, DbErr> {
    let buffer = if coalesces::<E>() && Concrete::of(db).is_transaction() { outbox::buffer_of(db) } else { None };
    let Some(buffer) = buffer else { return render_alone::<E>(change) };
    let row = (TypeId::of::<E>(), change.new.get_primary_key_value());
    let run = buffer.take_note::<Run<E::Model>>(&row);
    if change.op != Op::Change {
        return render_alone::<E>(change);
    }
    let Run { first, announced } = run.unwrap_or_else(|| Run { first: change.old.cloned(), announced: Vec::new() });
    let joined = Change { old: first.as_ref(), ..change };
    let rendered = E::EVENTS.iter().enumerate().filter_map(|(place, event)| {
        let rendered = event.render(if event.coalesce { joined } else { change })?;
        Some(rendered.map(|rendered| (event.coalesce.then_some(place), rendered)))
    });
    let rendered = match rendered.collect::<Result<Vec<_>, Error>>() {
        Ok(rendered) => rendered,
        Err(error) => {
            buffer.keep_note(row, Run { first, announced });
            return Err(error.into());
        }
    };
    buffer.withdraw(announced.into_iter().map(|(_, event)| event));
    let announced = rendered.iter().filter_map(|(place, event)| Some(((*place)?, event.id))).collect();
    buffer.keep_note(row, Run { first, announced });
    Ok(rendered.into_iter().map(|(_, event)| event).collect())
}

fn render_alone<E: WebhookModel>(change: Change<'_, E::Model>) -> Result<Vec<RenderedEvent>, DbErr> {
    let rendered = E::EVENTS.iter().filter_map(|event| event.render(change));
    Ok(rendered.collect::<Result<_, Error>>()?)
}

/// Whether an event of the model coalesces.
fn coalesces<E: WebhookModel>() -> bool {
    E::EVENTS.iter().any(|event| event.coalesce)
}
