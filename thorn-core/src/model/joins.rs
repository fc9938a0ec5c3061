//! Which models a junction links, and which events they declare.

use std::{any::TypeId, marker::PhantomData};

use sea_orm::{EntityTrait, RelationDef};

use super::{event::ModelEvent, link_change::Relation, webhook_model::WebhookModel};

/// A junction that announces links of `A`. `#[webhook_model(junction)]` implements it once for each side.
///
/// # Examples
///
/// ```
/// use sea_orm::{EntityName, ModelTrait};
/// use thorn_core::model::Joins;
///
/// /// The table on the other side of a relation, such as `tag` for the links of an article.
/// fn related_table<J: Joins<M::Entity>, M: ModelTrait>(_junction: J, _row: &M) -> &'static str {
///     J::Other::default().table_name()
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't announce links of `{A}`",
    label = "its rows are the links",
    note = "put `#[thorn::webhook_model(junction)]` on the `Model` of `{Self}`"
)]
pub trait Joins<A: EntityTrait>: WebhookModel {
    /// The entity on the other side.
    type Other: EntityTrait;

    /// The relation from the junction to `A`.
    fn to_one() -> RelationDef;

    /// The relation from the junction to the other side.
    fn to_other() -> RelationDef;

    /// The events that `A` declares; empty if it declares none.
    fn events() -> &'static [ModelEvent<A::Model>];
}

impl Relation {
    /// The relation between `A` and `R` through the junction `J`; `name` is the field of `A`'s model.
    #[must_use]
    pub const fn through<J, A, R>(name: &'static str) -> Self
    where
        J: Joins<A, Other = R>,
        A: EntityTrait,
        R: EntityTrait,
    {
        Self { name, junction: TypeId::of::<J>() }
    }
}

/// The events of an entity that may not implement [`WebhookModel`].
///
/// Generated code reads `EventsOf::<E>::EVENTS`. If `E` implements [`WebhookModel`], that is the inherent
/// constant. Otherwise it is the empty one of [`Silent`], which every entity has.
#[doc(hidden)]
#[derive(Debug)]
pub struct EventsOf<E>(PhantomData<E>);

impl<E: WebhookModel> EventsOf<E> {
    /// The declared events.
    pub const EVENTS: &'static [ModelEvent<E::Model>] = E::EVENTS;
}

/// The fallback of [`EventsOf`].
#[doc(hidden)]
pub trait Silent<E: EntityTrait> {
    /// No events.
    const EVENTS: &'static [ModelEvent<E::Model>] = &[];
}

impl<E: EntityTrait> Silent<E> for EventsOf<E> {}
