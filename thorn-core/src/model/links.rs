//! Adds and removes links of a many-to-many relation, from either side.
//!
//! Each function takes the junction, the row whose links change, and rows of the other side. It runs in the
//! caller's transaction or in one of its own.
//!
//! A call writes one event about that row, and one about each row on the other side if its model declares any.
//! A call that changes nothing writes none. The junction's own hooks don't run, but new links start from its
//! `ActiveModelBehavior::new()`.
//!
//! ```
//! # mod tag {
//! #     use sea_orm::entity::prelude::*;
//! #     #[sea_orm::model]
//! #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
//! #     #[sea_orm(table_name = "tag")]
//! #     pub struct Model {
//! #         #[sea_orm(primary_key)]
//! #         pub id: i32,
//! #     }
//! #     impl ActiveModelBehavior for ActiveModel {}
//! # }
//! use sea_orm::{DatabaseConnection, DbErr, IntoActiveModel, ModelTrait};
//! use thorn_core::model::{Joins, links};
//!
//! async fn retag<J, A>(junction: J, article: &A, tags: &[tag::Model], db: &DatabaseConnection) -> Result<(), DbErr>
//! where
//!     A: ModelTrait,
//!     J: Joins<A::Entity, Other = tag::Entity> + Copy, // such as `article_tag::Entity`
//!     J::Model: IntoActiveModel<J::ActiveModel>,
//!     J::ActiveModel: Send,
//! {
//!     links::clear(junction, article, db).await?;
//!     let added = links::add(junction, article, tags, db).await?;
//!     assert_eq!(added, tags.len());
//!     Ok(())
//! }
//! ```

mod side;

use std::{borrow::Borrow, collections::HashSet, panic::Location};

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait, sea_query::ValueTuple};

use self::side::Side;
use super::{
    announce::announce_changes,
    change::{Change, Op},
    joins::Joins,
    junction::{canonical, key_of, lock_owners_of},
    link_rows::LinkRows,
    returning::delete_rows,
    suppress::is_suppressed,
    transaction::atomically,
    webhook_model::WebhookModel,
};

type Other<J, M> = <J as Joins<<M as ModelTrait>::Entity>>::Other;
type OtherRow<J, M> = <Other<J, M> as EntityTrait>::Model;

/// How many links [`set`] changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Links that are new.
    pub added: usize,
    /// Links that were removed.
    pub removed: usize,
}

/// Links a row with others. Returns how many of the links are new.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered. In both cases nothing changes.
#[track_caller]
pub fn add<J, M, R, C>(
    _junction: J,
    row: &M,
    others: impl IntoIterator<Item = R>,
    db: &C,
) -> impl Future<Output = Result<usize, DbErr>>
where
    J: Joins<M::Entity>,
    J::Model: IntoActiveModel<J::ActiveModel>,
    J::ActiveModel: Send,
    M: ModelTrait,
    R: Borrow<OtherRow<J, M>>,
    C: ConnectionTrait,
{
    let caller = Location::caller();
    async move {
        let (side, keys) = (Side::of::<J, M>(row)?, keys::<J, M, R>(others)?);
        atomically!(J, db, caller, |on| async move {
            lock_owners_of::<J, _>(|| side.links(&keys), on).await?;
            let added = side.insert::<J, _>(keys, on).await?;
            announce::<J, _>(LinkRows::new(&[], &added), on).await?;
            Ok(added.len())
        })
    }
}

/// Removes the links of a row with others. Returns how many links there were.
///
/// # Errors
///
/// As [`add`].
#[track_caller]
pub fn remove<J, M, R, C>(
    _junction: J,
    row: &M,
    others: impl IntoIterator<Item = R>,
    db: &C,
) -> impl Future<Output = Result<usize, DbErr>>
where
    J: Joins<M::Entity>,
    M: ModelTrait,
    R: Borrow<OtherRow<J, M>>,
    C: ConnectionTrait,
{
    let caller = Location::caller();
    async move {
        let (side, keys) = (Side::of::<J, M>(row)?, keys::<J, M, R>(others)?);
        atomically!(J, db, caller, |on| async move {
            let removed = side.delete::<J, _>(&keys, on).await?;
            announce::<J, _>(LinkRows::new(&removed, &[]), on).await?;
            Ok(removed.len())
        })
    }
}

/// Removes all links of a row. Returns how many links there were.
///
/// The row's own model is told by its `m2m_clear` event, the models on the other side by `m2m_remove`.
///
/// # Errors
///
/// As [`add`].
#[track_caller]
pub fn clear<J, M, C>(_junction: J, row: &M, db: &C) -> impl Future<Output = Result<usize, DbErr>>
where
    J: Joins<M::Entity>,
    M: ModelTrait,
    C: ConnectionTrait,
{
    let caller = Location::caller();
    async move {
        let side = Side::of::<J, M>(row)?;
        atomically!(J, db, caller, |on| async move {
            let removed = delete_rows::<J, _>(side.all::<J>()?, on).await?;
            announce::<J, _>(LinkRows::cleared_by::<M::Entity>(&removed), on).await?;
            Ok(removed.len())
        })
    }
}

/// Links a row with exactly these others.
///
/// Removes the links with other rows, then adds the missing ones. Each step is announced only if it changes
/// something.
///
/// # Errors
///
/// As [`add`].
#[track_caller]
pub fn set<J, M, R, C>(
    _junction: J,
    row: &M,
    others: impl IntoIterator<Item = R>,
    db: &C,
) -> impl Future<Output = Result<Changed, DbErr>>
where
    J: Joins<M::Entity>,
    J::Model: IntoActiveModel<J::ActiveModel>,
    J::ActiveModel: Send,
    M: ModelTrait,
    R: Borrow<OtherRow<J, M>>,
    C: ConnectionTrait,
{
    let caller = Location::caller();
    async move {
        let (side, keys) = (Side::of::<J, M>(row)?, keys::<J, M, R>(others)?);
        atomically!(J, db, caller, |on| async move {
            lock_owners_of::<J, _>(|| side.links(&keys), on).await?;
            let wanted: HashSet<_> = keys.iter().map(canonical).collect();
            let mut others = side.linked::<J, _>(side.all::<J>()?, on).await?;
            others.retain(|other| !wanted.contains(&canonical(other)));
            let removed = side.delete::<J, _>(&others, on).await?;
            let added = side.insert::<J, _>(keys, on).await?;
            announce::<J, _>(LinkRows::new(&removed, &added), on).await?;
            Ok(Changed { added: added.len(), removed: removed.len() })
        })
    }
}

/// The keys of these rows as the junction refers to them, without duplicates.
fn keys<J, M, R>(others: impl IntoIterator<Item = R>) -> Result<Vec<ValueTuple>, DbErr>
where
    J: Joins<M::Entity>,
    M: ModelTrait,
    R: Borrow<OtherRow<J, M>>,
{
    let columns = J::to_other().to_col;
    let mut seen = HashSet::new();
    let keys = others.into_iter().map(|other| key_of(other.borrow(), &columns));
    keys.filter(|key| key.as_ref().map_or(true, |key| seen.insert(canonical(key)))).collect()
}

/// Writes the junction's own events and those of both sides.
async fn announce<J, C>(links: LinkRows<'_, J::Model>, db: &C) -> Result<(), DbErr>
where
    J: WebhookModel,
    C: ConnectionTrait,
{
    let removed = links.removed.iter().map(|new| Change { op: Op::Delete, old: None, new });
    let added = links.added.iter().map(|new| Change { op: Op::Create, old: None, new });
    announce_changes::<J, C>(removed.chain(added), db).await?;
    if is_suppressed() {
        return Ok(());
    }
    J::announce_links(links, db).await
}
