//! Junctions of many-to-many relations: which rows of theirs are whose links, and who is told.
//!
//! A link that comes or goes is a row of the junction that does; its macro knows both sides. Each
//! side whose model declares events about the relation is told once per row of its own, whoever
//! changed the links from where.

pub(super) mod batch;
mod keys;

use std::{
    any::TypeId,
    collections::{HashMap, HashSet},
    marker::PhantomData,
};

use sea_orm::{
    ConnectionTrait, DbErr, EntityName, EntityTrait, QueryFilter, QuerySelect, RelationDef, Value,
    sea_query::ValueTuple,
};

use self::batch::{Batch, Place, Told};
pub(super) use self::keys::{AT_ONCE, among, canonical, columns_of, is, key_of, set_key};
use super::{
    autocommit::in_transaction,
    event::ModelEvent,
    link_change::{LinkChange, LinkOp},
    webhook_model::WebhookModel,
};
use crate::outbox;

/// A junction that announces links of `A`; implemented by `#[webhook_model(junction)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't announce links of `{A}`",
    label = "its rows are the links",
    note = "put `#[thorn::webhook_model(junction)]` on the `Model` of `{Self}`"
)]
pub trait Joins<A: EntityTrait>: WebhookModel {
    /// What it links `A` with.
    type Other: EntityTrait;

    /// From the junction to `A`.
    fn to_one() -> RelationDef;

    /// From the junction to what it links `A` with.
    fn to_other() -> RelationDef;

    /// The events that `A` declares, if it declares any.
    fn events() -> &'static [ModelEvent<A::Model>];
}

/// The events of a model that may be no [`WebhookModel`]: its inherent constant wins over the one
/// of [`Silent`], which is there for every entity.
#[doc(hidden)]
#[derive(Debug)]
pub struct EventsOf<E>(PhantomData<E>);

impl<E: WebhookModel> EventsOf<E> {
    /// Those that were declared.
    pub const EVENTS: &'static [ModelEvent<E::Model>] = E::EVENTS;
}

/// See [`EventsOf`].
#[doc(hidden)]
pub trait Silent<E: EntityTrait> {
    /// None.
    const EVENTS: &'static [ModelEvent<E::Model>] = &[];
}

impl<E: EntityTrait> Silent<E> for EventsOf<E> {}

/// Rows of a junction that came and went in one call.
#[doc(hidden)]
#[derive(Debug)]
pub struct LinkRows<'a, M> {
    removed: &'a [M],
    added: &'a [M],
    /// The side from which all were removed.
    cleared: Option<TypeId>,
    /// Whether more of the same call may follow.
    is_part: bool,
    /// Links that aren't there yet: nothing is told, but who might link the same waits.
    about_to_be: &'a [Columns],
}

/// Values of a row of the junction, by their columns.
pub(super) type Columns = HashMap<String, Value>;

impl<M> Clone for LinkRows<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for LinkRows<'_, M> {}

impl<'a, M> LinkRows<'a, M> {
    pub(super) const fn new(removed: &'a [M], added: &'a [M]) -> Self {
        Self { removed, added, cleared: None, is_part: false, about_to_be: &[] }
    }

    pub(super) fn cleared_by<A: 'static>(mut self) -> Self {
        self.cleared = Some(TypeId::of::<A>());
        self
    }

    pub(super) const fn part(mut self) -> Self {
        self.is_part = true;
        self
    }
}

/// Links of one row: its key, and those of the rows on the other side.
type Links = (ValueTuple, Vec<ValueTuple>);

/// Writes the events of one side, one for each row whose links changed.
///
/// # Errors
///
/// An event that can't be rendered, or the database's.
#[doc(hidden)]
pub async fn announce<J, A, C>(rows: LinkRows<'_, J::Model>, db: &C) -> Result<(), DbErr>
where
    J: Joins<A>,
    A: EntityTrait,
    C: ConnectionTrait,
{
    if !rows.about_to_be.is_empty() {
        return lock_owners::<J, A, C>(rows.about_to_be, db).await;
    }
    if !J::events().iter().any(|event| event.is_about_links(TypeId::of::<J>(), None)) {
        return Ok(());
    }
    let (removed, added) = (links_in::<J, A>(rows.removed)?, links_in::<J, A>(rows.added)?);
    // A row that was only rewritten has changed no link.
    let removal = if rows.cleared == Some(TypeId::of::<A>()) { LinkOp::Clear } else { LinkOp::Remove };
    let changes: Vec<_> = [(removal, without(&removed, &added)), (LinkOp::Add, without(&added, &removed))]
        .into_iter()
        .flat_map(|(op, links)| by_owner(links).into_iter().map(move |links| (op, links)))
        .collect();
    let place = (rows.is_part && in_transaction::<C>()).then(|| Place::of::<J, A, C>(db));
    let mut batch: Batch<A::Model> = place.map(Place::resume).unwrap_or_default();
    let (known, new): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|(op, (owner, _))| batch.contains_key(&(*op, canonical(owner))));
    for (op, (owner, keys)) in known {
        if let Some(told) = batch.get_mut(&(op, canonical(&owner))) {
            told.keys.extend(keys);
            tell_again::<J, A, C>(op, told, db).await?;
        }
    }
    let owners = read::<J, A, C>(&new, db).await?;
    let mut all = Vec::new();
    for (op, (owner, keys)) in new {
        let owner = canonical(&owner);
        let Some(row) = owners.get(&owner).cloned() else {
            tracing::warn!(table = A::default().table_name(), key = ?owner, "links of a row changed that isn't there");
            continue;
        };
        let mut told = Told { row, keys, events: Vec::new() };
        for (event, rendered) in tell::<J, A>(op, &told) {
            let rendered = rendered?;
            told.events.push((event, rendered.id));
            all.push(rendered);
        }
        batch.insert((op, owner), told);
    }
    outbox::write(db, all).await?;
    if let Some(place) = place {
        place.keep(batch);
    }
    Ok(())
}

/// Lets nobody else add the same links until the transaction ends, on a database without RETURNING:
/// there only a look beforehand tells whether a link is new, and nothing keeps it true.
pub(super) async fn lock_links<J, C>(links: impl FnOnce() -> Vec<Columns>, db: &C) -> Result<(), DbErr>
where
    J: WebhookModel,
    C: ConnectionTrait,
{
    if db.support_returning() {
        return Ok(());
    }
    let links = links();
    if links.is_empty() {
        return Ok(());
    }
    J::announce_links(LinkRows { about_to_be: &links, ..LinkRows::new(&[], &[]) }, db).await
}

/// Locks the rows of one side, whoever adds from wherever: that whose table's name comes first.
async fn lock_owners<J, A, C>(links: &[Columns], db: &C) -> Result<(), DbErr>
where
    J: Joins<A>,
    A: EntityTrait,
    C: ConnectionTrait,
{
    if A::default().table_name() > J::Other::default().table_name() {
        return Ok(());
    }
    let to_one = J::to_one();
    let mut seen = HashSet::new();
    let keys = links.iter().filter_map(|link| keys::of_columns(link, &to_one.from_col));
    let mut keys: Vec<_> = keys.filter(|key| seen.insert(canonical(key))).collect();
    // In the same order everywhere, so that fewer wait for each other.
    keys.sort_by_cached_key(canonical);
    for keys in keys.chunks(AT_ONCE) {
        A::find().filter(among::<A>(&to_one.to_col, keys)?).lock_exclusive().all(db).await?;
    }
    Ok(())
}

/// A declared event, and what it says.
type Fired<M> = (&'static ModelEvent<M>, Result<crate::rendered::RenderedEvent, crate::error::Error>);

/// The events of a change, with their data.
fn tell<J: Joins<A>, A: EntityTrait>(op: LinkOp, told: &Told<A::Model>) -> Vec<Fired<A::Model>> {
    let junction = TypeId::of::<J>();
    let related = J::Other::default().table_name();
    let is_declared = |op| J::events().iter().any(|event| event.is_about_links(junction, Some(op)));
    // Without an event of its own, a clear is the removal that it is.
    let op = if op == LinkOp::Clear && !is_declared(op) { LinkOp::Remove } else { op };
    let about = J::events().iter().filter(|event| event.is_about_links(junction, Some(op)));
    let change = |name| LinkChange::of(op, name, related, &told.keys);
    about.filter_map(|event| Some((event, event.fire_links(&told.row, change)?))).collect()
}

/// Writes over the events of the same call with what they say now.
async fn tell_again<J, A, C>(op: LinkOp, told: &mut Told<A::Model>, db: &C) -> Result<(), DbErr>
where
    J: Joins<A>,
    A: EntityTrait,
    C: ConnectionTrait,
{
    for (event, rendered) in tell::<J, A>(op, told) {
        if !event.tells_links() {
            continue;
        }
        let mut rendered = rendered?;
        let written = told.events.iter_mut().find(|(written, _)| std::ptr::eq(*written, event));
        let id = written.as_ref().map(|(_, id)| *id);
        if let Some(id) = id
            && outbox::rewrite(db, id, &rendered).await?
        {
            continue;
        }
        // It isn't there any more, so this is one of its own.
        if let Some((_, id)) = written {
            *id = rendered.id;
        }
        rendered.created_at = crate::timestamp::Timestamp::now();
        outbox::write(db, vec![rendered]).await?;
    }
    Ok(())
}

/// The rows whose links changed, in one statement.
async fn read<J, A, C>(changes: &[(LinkOp, Links)], db: &C) -> Result<HashMap<Vec<String>, A::Model>, DbErr>
where
    J: Joins<A>,
    A: EntityTrait,
    C: ConnectionTrait,
{
    let columns = J::to_one().to_col;
    let keys: Vec<_> = changes.iter().map(|(_, (owner, _))| owner.clone()).collect();
    let mut found = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(AT_ONCE) {
        for row in A::find().filter(among::<A>(&columns, keys)?).all(db).await? {
            found.insert(canonical(&key_of(&row, &columns)?), row);
        }
    }
    Ok(found)
}

/// Each row of the junction as the keys it links; one with a null links nothing.
fn links_in<J: Joins<A>, A: EntityTrait>(rows: &[J::Model]) -> Result<Vec<(ValueTuple, ValueTuple)>, DbErr> {
    let (one, other) = (J::to_one().from_col, J::to_other().from_col);
    let links = rows.iter().map(|row| Ok((key_of(row, &one)?, key_of(row, &other)?)));
    let is_link = |link: &Result<(ValueTuple, ValueTuple), DbErr>| {
        link.as_ref().map_or(true, |(one, other)| !keys::has_null(one) && !keys::has_null(other))
    };
    links.filter(is_link).collect()
}

fn without(links: &[(ValueTuple, ValueTuple)], others: &[(ValueTuple, ValueTuple)]) -> Vec<(ValueTuple, ValueTuple)> {
    let others: HashSet<_> = others.iter().collect();
    let mut seen = HashSet::new();
    links.iter().filter(|link| !others.contains(link) && seen.insert(*link)).cloned().collect()
}

fn by_owner(links: Vec<(ValueTuple, ValueTuple)>) -> Vec<Links> {
    let mut owners: Vec<Links> = Vec::new();
    let mut places = HashMap::new();
    for (one, other) in links {
        let place = *places.entry(one.clone()).or_insert(owners.len());
        match owners.get_mut(place) {
            Some((_, others)) => others.push(other),
            None => owners.push((one, vec![other])),
        }
    }
    owners
}
