//! The trait that `#[webhook_model]` implements.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

use super::{
    change::Op,
    event::ModelEvent,
    link_rows::{LinkRows, LinkValues},
};
use crate::error::Error;

/// An entity that announces its changes. `#[webhook_model]` implements it.
///
/// # Examples
///
/// ```
/// use thorn_core::model::WebhookModel;
///
/// /// The names of an entity's events, with `*` for each column: `user.*.created`.
/// fn event_names<E: WebhookModel>() -> Vec<String> {
///     E::EVENTS.iter().map(|event| event.name_pattern()).collect()
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` announces no events",
    label = "its `Model` has no `#[webhook_model(…)]`"
)]
pub trait WebhookModel: EntityTrait {
    /// The declared events, in the order of their declaration.
    const EVENTS: &'static [ModelEvent<Self::Model>];

    /// Whether the rows are links that are announced to both sides.
    #[doc(hidden)]
    const JUNCTION: bool = false;

    /// Writes the events about these links for the models on both sides of a junction.
    #[doc(hidden)]
    fn announce_links<C: ConnectionTrait>(
        _rows: LinkRows<'_, Self::Model>,
        _db: &C,
    ) -> impl Future<Output = Result<(), DbErr>> + Send {
        async { Ok(()) }
    }

    /// Locks the rows that these links, which don't exist yet, will belong to.
    #[doc(hidden)]
    fn lock_link_owners<C: ConnectionTrait>(
        _links: &[LinkValues],
        _db: &C,
    ) -> impl Future<Output = Result<(), DbErr>> + Send {
        async { Ok(()) }
    }

    /// Finds the event that was declared as `on_<key>`, to send it by hand.
    ///
    /// `key` may be given with or without its `on_`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the model declares no such event.
    fn webhook(key: &str) -> Result<&'static ModelEvent<Self::Model>, Error> {
        let key = key.strip_prefix("on_").unwrap_or(key);
        Self::EVENTS
            .iter()
            .find(|event| event.key == key)
            .ok_or_else(|| Error::NotFound { what: "event of this model called", id: key.to_owned() })
    }
}

/// Whether changes of this kind may write events.
pub(crate) fn has_events<E: WebhookModel>(op: Op) -> bool {
    E::JUNCTION || E::EVENTS.iter().any(|event| event.fires_on(op))
}

/// Whether an update must read the old row first.
pub(super) fn needs_old_row<E: WebhookModel>() -> bool {
    E::JUNCTION || E::EVENTS.iter().any(|event| event.fires_on(Op::Change) && event.needs_old_row())
}
