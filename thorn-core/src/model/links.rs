//! Adds and removes links of a many-to-many relation, from either side, in the caller's transaction
//! or in one of their own.
//!
//! Each takes the junction, the row whose links change, and rows of the other side. A call is one
//! event of that row, and one of each row on the other side whose model declares any; if nothing
//! changes, it is none. Like the bulk statements they run no hooks of the junction's own, but they
//! start from its `ActiveModelBehavior::new()`.
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

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
};

use sea_orm::{
    ActiveModelBehavior, ConnectionTrait, DbErr, EntityTrait, Identity, IntoActiveModel, ModelTrait, QueryFilter,
    TransactionTrait, Value,
    sea_query::{Condition, ValueTuple},
};

use super::{
    bulk::{announce_rows, delete_rows, insert_rows},
    change::Op,
    junction::{AT_ONCE, Columns, Joins, LinkRows, among, canonical, is, key_of, lock_links, set_key},
    row_lock as locked,
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
    /// Links that are gone.
    pub removed: usize,
}

/// Links a row with others; returns with how many it wasn't linked before.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered; then nothing has changed.
pub async fn add<J, M, R, C>(_junction: J, row: &M, others: impl IntoIterator<Item = R>, db: &C) -> Result<usize, DbErr>
where
    J: Joins<M::Entity>,
    J::Model: IntoActiveModel<J::ActiveModel>,
    J::ActiveModel: Send,
    M: ModelTrait,
    R: Borrow<OtherRow<J, M>>,
    C: ConnectionTrait + TransactionTrait,
{
    let (side, keys) = (Side::of::<J, M>(row)?, keys::<J, M, R>(others)?);
    atomically!(db, |on| async move {
        lock_links::<J, _>(|| side.links(&keys), on).await?;
        let added = side.insert::<J, _>(keys, on).await?;
        announce::<J, _>(LinkRows::new(&[], &added), &[], &added, on).await?;
        Ok(added.len())
    })
}

/// Removes links of a row with others; returns how many there were.
///
/// # Errors
///
/// As [`add`].
pub async fn remove<J, M, R, C>(
    _junction: J,
    row: &M,
    others: impl IntoIterator<Item = R>,
    db: &C,
) -> Result<usize, DbErr>
where
    J: Joins<M::Entity>,
    M: ModelTrait,
    R: Borrow<OtherRow<J, M>>,
    C: ConnectionTrait + TransactionTrait,
{
    let (side, keys) = (Side::of::<J, M>(row)?, keys::<J, M, R>(others)?);
    atomically!(db, |on| async move {
        let removed = side.delete::<J, _>(&keys, on).await?;
        announce::<J, _>(LinkRows::new(&removed, &[]), &removed, &[], on).await?;
        Ok(removed.len())
    })
}

/// Removes all links of a row; returns how many there were. For the row's own model it is the event
/// `m2m_clear`, for those on the other side a removal.
///
/// # Errors
///
/// As [`add`].
pub async fn clear<J, M, C>(_junction: J, row: &M, db: &C) -> Result<usize, DbErr>
where
    J: Joins<M::Entity>,
    M: ModelTrait,
    C: ConnectionTrait + TransactionTrait,
{
    let side = Side::of::<J, M>(row)?;
    atomically!(db, |on| async move {
        let removed = delete_rows::<J, _>(side.all::<J>()?, on).await?;
        let links = LinkRows::new(&removed, &[]).cleared_by::<M::Entity>();
        announce::<J, _>(links, &removed, &[], on).await?;
        Ok(removed.len())
    })
}

/// Links a row with these others and no more: a removal and then an addition, of which each is only
/// announced if it changes something.
///
/// # Errors
///
/// As [`add`].
pub async fn set<J, M, R, C>(
    _junction: J,
    row: &M,
    others: impl IntoIterator<Item = R>,
    db: &C,
) -> Result<Changed, DbErr>
where
    J: Joins<M::Entity>,
    J::Model: IntoActiveModel<J::ActiveModel>,
    J::ActiveModel: Send,
    M: ModelTrait,
    R: Borrow<OtherRow<J, M>>,
    C: ConnectionTrait + TransactionTrait,
{
    let (side, keys) = (Side::of::<J, M>(row)?, keys::<J, M, R>(others)?);
    atomically!(db, |on| async move {
        lock_links::<J, _>(|| side.links(&keys), on).await?;
        let wanted: HashSet<_> = keys.iter().map(canonical).collect();
        let mut others = side.linked::<J, _>(side.all::<J>()?, on).await?;
        others.retain(|other| !wanted.contains(&canonical(other)));
        let removed = side.delete::<J, _>(&others, on).await?;
        let added = side.insert::<J, _>(keys, on).await?;
        announce::<J, _>(LinkRows::new(&removed, &added), &removed, &added, on).await?;
        Ok(Changed { added: added.len(), removed: removed.len() })
    })
}

/// Keys of these rows, as the junction refers to them, each once.
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

/// The row whose links change, and the columns of the junction.
struct Side {
    one: Identity,
    key: ValueTuple,
    other: Identity,
}

impl Side {
    fn of<J: Joins<M::Entity>, M: ModelTrait>(row: &M) -> Result<Self, DbErr> {
        let to_one = J::to_one();
        Ok(Self { key: key_of(row, &to_one.to_col)?, one: to_one.from_col, other: J::to_other().from_col })
    }

    /// The links with these as the junction's columns.
    fn links(&self, others: &[ValueTuple]) -> Vec<Columns> {
        let columns = |identity: &Identity, key: &ValueTuple| -> Vec<(String, Value)> {
            identity.iter().map(|name| name.inner().into_owned()).zip(key.clone()).collect()
        };
        let one = columns(&self.one, &self.key);
        others.iter().map(|other| columns(&self.other, other).into_iter().chain(one.clone()).collect()).collect()
    }

    fn all<J: EntityTrait>(&self) -> Result<Condition, DbErr> {
        is::<J>(&self.one, &self.key)
    }

    fn with<J: EntityTrait>(&self, others: &[ValueTuple]) -> Result<Condition, DbErr> {
        Ok(self.all::<J>()?.add(among::<J>(&self.other, others)?))
    }

    /// Keys of the other side, of links that are there.
    async fn linked<J: EntityTrait, C: ConnectionTrait>(
        &self,
        matching: Condition,
        db: &C,
    ) -> Result<Vec<ValueTuple>, DbErr> {
        let rows = locked::rows(J::find().filter(matching), db).await?;
        rows.iter().map(|row| key_of(row, &self.other)).collect()
    }

    async fn insert<J, C>(&self, mut others: Vec<ValueTuple>, db: &C) -> Result<Vec<J::Model>, DbErr>
    where
        J: EntityTrait,
        J::Model: IntoActiveModel<J::ActiveModel>,
        J::ActiveModel: Send,
        C: ConnectionTrait,
    {
        let primary_key = J::primary_key_identity();
        let is_key = primary_key.fully_contains(&self.one) && primary_key.fully_contains(&self.other);
        if !is_key {
            let mut linked = HashSet::new();
            for others in others.chunks(AT_ONCE) {
                let keys = self.linked::<J, C>(self.with::<J>(others)?, db).await?;
                linked.extend(keys.iter().map(canonical));
            }
            others.retain(|other| !linked.contains(&canonical(other)));
        }
        let row = |other| {
            let mut row = <J::ActiveModel as ActiveModelBehavior>::new();
            set_key(&mut row, &self.one, &self.key)?;
            set_key(&mut row, &self.other, other)?;
            Ok(row)
        };
        let rows = others.iter().map(row).collect::<Result<_, DbErr>>()?;
        // Whatever is unique about a link, another transaction may have been first.
        insert_rows(rows, true, db).await
    }

    async fn delete<J, C>(&self, others: &[ValueTuple], db: &C) -> Result<Vec<J::Model>, DbErr>
    where
        J: EntityTrait,
        C: ConnectionTrait,
    {
        let mut gone = Vec::new();
        for others in others.chunks(AT_ONCE) {
            gone.extend(delete_rows::<J, C>(self.with::<J>(others)?, db).await?);
        }
        Ok(gone)
    }
}

/// Writes the junction's own events and those of both sides.
async fn announce<J, C>(
    links: LinkRows<'_, J::Model>,
    removed: &[J::Model],
    added: &[J::Model],
    db: &C,
) -> Result<(), DbErr>
where
    J: WebhookModel,
    C: ConnectionTrait,
{
    if is_suppressed() {
        return Ok(());
    }
    announce_rows::<J, C>(Op::Delete, &HashMap::new(), removed, db).await?;
    announce_rows::<J, C>(Op::Create, &HashMap::new(), added, db).await?;
    J::announce_links(links, db).await
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
