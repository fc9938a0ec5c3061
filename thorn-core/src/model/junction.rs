//! Announces the links of many-to-many relations.
//!
//! A link is a row of the junction, whose macro knows both sides. A side is told about a link if its model
//! declares events about the relation: once per row of its own whose links changed, no matter from which side
//! and by which call.

mod keys;
pub(super) mod nested_save;
mod owner_lock;

use std::{
    any::TypeId,
    collections::{HashMap, HashSet},
};

use sea_orm::{ConnectionTrait, DbErr, EntityName, EntityTrait, QueryFilter, sea_query::ValueTuple};

pub(super) use self::keys::{MAX_KEYS, among, canonical, is, key_of, set_key, values_of, with_keys};
use self::nested_save::{AnnouncedRow, AnnouncedRows, SaveSide};
pub use self::owner_lock::lock_link_owners;
pub(super) use self::owner_lock::lock_owners_of;
use super::{
    event::ModelEvent,
    joins::Joins,
    link_change::{LinkChange, LinkOp},
    link_rows::LinkRows,
};
use crate::{db::Concrete, error::Error, outbox, rendered::RenderedEvent, timestamp::Timestamp};

/// A link: the key of a row, and the key of the row on the other side.
type Link = (ValueTuple, ValueTuple);

/// The links of one row: its key, and the keys of the rows on the other side.
type OwnedLinks = (ValueTuple, Vec<ValueTuple>);

/// Writes the events of one side, one for each row whose links changed.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered.
pub async fn announce_links<J, A, C>(rows: LinkRows<'_, J::Model>, db: &C) -> Result<(), DbErr>
where
    J: Joins<A>,
    A: EntityTrait,
    C: ConnectionTrait,
{
    if !J::events().iter().any(|event| event.is_about_links(TypeId::of::<J>(), None)) {
        return Ok(());
    }
    let save = (rows.is_part && Concrete::of(db).is_transaction()).then(|| SaveSide::of::<J, A, C>(db));
    let mut announced: AnnouncedRows<A::Model> = save.map(SaveSide::resume).unwrap_or_default();
    let (known, new): (Vec<_>, Vec<_>) = changes::<J, A>(rows)?
        .into_iter()
        .partition(|(op, (owner, _))| announced.contains_key(&(*op, canonical(owner))));
    for (op, (owner, keys)) in known {
        if let Some(row) = announced.get_mut(&(op, canonical(&owner))) {
            row.keys.extend(keys);
            announce_again::<J, A, C>(op, row, db).await?;
        }
    }
    announce_first::<J, A, C>(new, &mut announced, db).await?;
    if let Some(save) = save {
        save.keep(announced);
    }
    Ok(())
}

/// The links that changed, by the kind of their change and their row.
fn changes<J: Joins<A>, A: EntityTrait>(rows: LinkRows<'_, J::Model>) -> Result<Vec<(LinkOp, OwnedLinks)>, DbErr> {
    let (removed, added) = (links_in::<J, A>(rows.removed)?, links_in::<J, A>(rows.added)?);
    let removal = if rows.is_cleared_by::<A>() { LinkOp::Clear } else { LinkOp::Remove };
    // A row that was only rewritten is among both, and has changed no link.
    let changes = [(removal, without(&removed, &added)), (LinkOp::Add, without(&added, &removed))];
    Ok(changes.into_iter().flat_map(|(op, links)| by_owner(links).into_iter().map(move |links| (op, links))).collect())
}

/// Writes the first events about these rows, all with one statement.
async fn announce_first<J, A, C>(
    changes: Vec<(LinkOp, OwnedLinks)>,
    announced: &mut AnnouncedRows<A::Model>,
    db: &C,
) -> Result<(), DbErr>
where
    J: Joins<A>,
    A: EntityTrait,
    C: ConnectionTrait,
{
    let owners = read_owners::<J, A, C>(&changes, db).await?;
    let mut all = Vec::new();
    for (op, (owner, keys)) in changes {
        let owner = canonical(&owner);
        let Some(row) = owners.get(&owner).cloned() else {
            tracing::warn!(table = A::default().table_name(), key = ?owner, "links changed of a row that doesn't exist");
            continue;
        };
        let mut row = AnnouncedRow { row, keys, events: Vec::new() };
        for (event, rendered) in render_events::<J, A>(op, &row) {
            let rendered = rendered?;
            row.events.push((event, rendered.id));
            all.push(rendered);
        }
        announced.insert((op, owner), row);
    }
    Ok(outbox::write(db, all).await?)
}

/// Replaces the events that the same save wrote about this row, since more of its links changed.
async fn announce_again<J, A, C>(op: LinkOp, row: &mut AnnouncedRow<A::Model>, db: &C) -> Result<(), DbErr>
where
    J: Joins<A>,
    A: EntityTrait,
    C: ConnectionTrait,
{
    for (event, rendered) in render_events::<J, A>(op, row) {
        if !event.contains_links() {
            continue;
        }
        let mut rendered = rendered?;
        let written = row.events.iter_mut().find(|(written, _)| std::ptr::eq(*written, event));
        let id = written.as_ref().map(|(_, id)| *id);
        if let Some(id) = id
            && outbox::rewrite(db, id, &rendered).await?
        {
            continue;
        }
        // The first event isn't in the outbox any more, so this one is written beside it.
        if let Some((_, id)) = written {
            *id = rendered.id;
        }
        rendered.created_at = Timestamp::now();
        outbox::write(db, vec![rendered]).await?;
    }
    Ok(())
}

/// A declared event, and what it rendered to.
type Rendered<M> = (&'static ModelEvent<M>, Result<RenderedEvent, Error>);

/// Renders the events about a row's links.
fn render_events<J: Joins<A>, A: EntityTrait>(op: LinkOp, row: &AnnouncedRow<A::Model>) -> Vec<Rendered<A::Model>> {
    let junction = TypeId::of::<J>();
    let related = J::Other::default().table_name();
    let is_declared = |op| J::events().iter().any(|event| event.is_about_links(junction, Some(op)));
    // A model that declares no event about a clear is told about a removal.
    let op = if op == LinkOp::Clear && !is_declared(op) { LinkOp::Remove } else { op };
    let about = J::events().iter().filter(|event| event.is_about_links(junction, Some(op)));
    let change = |name| LinkChange::of(op, name, related, &row.keys);
    about.filter_map(|event| Some((event, event.render_links(&row.row, change)?))).collect()
}

/// Reads the rows whose links changed, by their keys.
async fn read_owners<J, A, C>(changes: &[(LinkOp, OwnedLinks)], db: &C) -> Result<HashMap<Vec<String>, A::Model>, DbErr>
where
    J: Joins<A>,
    A: EntityTrait,
    C: ConnectionTrait,
{
    let columns = J::to_one().to_col;
    let keys: Vec<_> = changes.iter().map(|(_, (owner, _))| owner.clone()).collect();
    let mut found = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        for row in A::find().filter(among::<A>(&columns, keys)?).all(db).await? {
            found.insert(canonical(&key_of(&row, &columns)?), row);
        }
    }
    Ok(found)
}

/// The links that rows of the junction stand for. A row with a null in its keys links nothing.
fn links_in<J: Joins<A>, A: EntityTrait>(rows: &[J::Model]) -> Result<Vec<Link>, DbErr> {
    let (one, other) = (J::to_one().from_col, J::to_other().from_col);
    let links = rows.iter().map(|row| Ok((key_of(row, &one)?, key_of(row, &other)?)));
    let is_link = |link: &Result<Link, DbErr>| {
        link.as_ref().map_or(true, |(one, other)| !keys::has_null(one) && !keys::has_null(other))
    };
    links.filter(is_link).collect()
}

fn without(links: &[Link], others: &[Link]) -> Vec<Link> {
    let others: HashSet<_> = others.iter().collect();
    let mut seen = HashSet::new();
    links.iter().filter(|link| !others.contains(link) && seen.insert(*link)).cloned().collect()
}

fn by_owner(links: Vec<Link>) -> Vec<OwnedLinks> {
    let mut owners: Vec<OwnedLinks> = Vec::new();
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
