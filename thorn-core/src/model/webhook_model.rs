//! The trait that `#[webhook_model]` implements.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

use super::{
    change::{Change, Op},
    event::ModelEvent,
    junction::LinkRows,
};
use crate::{error::Error, rendered::RenderedEvent};

/// An entity whose changes are announced; implemented by `#[webhook_model]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` announces no events",
    label = "its `Model` has no `#[webhook_model(…)]`"
)]
pub trait WebhookModel: EntityTrait {
    /// The declared events, in the order of their declaration.
    const EVENTS: &'static [ModelEvent<Self::Model>];

    /// Whether its rows are links whose coming and going is announced.
    #[doc(hidden)]
    const JUNCTION: bool = false;

    /// Tells the models on both sides of a junction.
    #[doc(hidden)]
    fn announce_links<C: ConnectionTrait>(
        _rows: LinkRows<'_, Self::Model>,
        _db: &C,
    ) -> impl Future<Output = Result<(), DbErr>> + Send {
        async { Ok(()) }
    }

    /// The event that was declared as `on_<key>`, to send it by hand.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if none was.
    fn webhook(key: &str) -> Result<&'static ModelEvent<Self::Model>, Error> {
        let key = key.strip_prefix("on_").unwrap_or(key);
        Self::EVENTS
            .iter()
            .find(|event| event.key == key)
            .ok_or_else(|| Error::NotFound { what: "event of this model called", id: key.to_owned() })
    }
}

/// Proof that an `ActiveModel`'s behaviour runs thorn's hooks; implemented along with it.
#[diagnostic::on_unimplemented(
    message = "the hooks of `{Self}` don't announce events",
    label = "`custom_behavior` promises an own `impl ActiveModelBehavior for {Self}`",
    note = "put `#[thorn::active_model_behavior]` on that impl, above `#[async_trait]`"
)]
pub trait HookedBehavior {}

/// Whether some event fires on changes of this kind.
pub(super) fn listens<E: WebhookModel>(op: Op) -> bool {
    E::JUNCTION || E::EVENTS.iter().any(|event| event.fires_on(op))
}

/// Whether an update must first read the row as it is.
pub(super) fn reads_old<E: WebhookModel>() -> bool {
    E::JUNCTION || E::EVENTS.iter().any(|event| event.fires_on(Op::Change) && event.reads_old())
}

/// The events of one change, in the order of their declaration.
pub(super) fn events<E: WebhookModel>(change: Change<'_, E::Model>) -> Result<Vec<RenderedEvent>, Error> {
    E::EVENTS.iter().filter_map(|event| event.fire(change)).collect()
}
