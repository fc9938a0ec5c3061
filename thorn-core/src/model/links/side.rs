//! The statements of the link functions, from the side of one row.

use std::collections::HashSet;

use sea_orm::{
    ActiveModelBehavior, ConnectionTrait, DbErr, EntityTrait, Identity, IntoActiveModel, ModelTrait, QueryFilter,
    Value,
    sea_query::{Condition, ValueTuple},
};

use crate::model::{
    joins::Joins,
    junction::{MAX_KEYS, among, canonical, is, key_of, set_key},
    link_rows::LinkValues,
    returning::{delete_rows, insert_missing},
    row_lock,
};

/// The row whose links change, and the columns of the junction for both sides.
pub(super) struct Side {
    one: Identity,
    key: ValueTuple,
    other: Identity,
}

impl Side {
    pub(super) fn of<J: Joins<M::Entity>, M: ModelTrait>(row: &M) -> Result<Self, DbErr> {
        let to_one = J::to_one();
        Ok(Self { key: key_of(row, &to_one.to_col)?, one: to_one.from_col, other: J::to_other().from_col })
    }

    /// The links with these others, as values of the junction's columns.
    pub(super) fn links(&self, others: &[ValueTuple]) -> Vec<LinkValues> {
        let columns = |identity: &Identity, key: &ValueTuple| -> Vec<(String, Value)> {
            identity.iter().map(|name| name.inner().into_owned()).zip(key.clone()).collect()
        };
        let one = columns(&self.one, &self.key);
        others.iter().map(|other| columns(&self.other, other).into_iter().chain(one.clone()).collect()).collect()
    }

    /// The condition for all links of the row.
    pub(super) fn all<J: EntityTrait>(&self) -> Result<Condition, DbErr> {
        is::<J>(&self.one, &self.key)
    }

    fn with<J: EntityTrait>(&self, others: &[ValueTuple]) -> Result<Condition, DbErr> {
        Ok(self.all::<J>()?.add(among::<J>(&self.other, others)?))
    }

    /// The keys of the other side among the matching links, which are locked.
    pub(super) async fn linked<J: EntityTrait, C: ConnectionTrait>(
        &self,
        matching: Condition,
        db: &C,
    ) -> Result<Vec<ValueTuple>, DbErr> {
        let rows = row_lock::read_all(J::find().filter(matching), db).await?;
        rows.iter().map(|row| key_of(row, &self.other)).collect()
    }

    /// Inserts the links with these others that are missing, and returns them.
    pub(super) async fn insert<J, C>(&self, mut others: Vec<ValueTuple>, db: &C) -> Result<Vec<J::Model>, DbErr>
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
            for others in others.chunks(MAX_KEYS) {
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
        // Another transaction may have inserted the same link in the meantime.
        insert_missing(rows, db).await
    }

    /// Deletes the links with these others, and returns them.
    pub(super) async fn delete<J, C>(&self, others: &[ValueTuple], db: &C) -> Result<Vec<J::Model>, DbErr>
    where
        J: EntityTrait,
        C: ConnectionTrait,
    {
        let mut deleted = Vec::new();
        for others in others.chunks(MAX_KEYS) {
            deleted.extend(delete_rows::<J, C>(self.with::<J>(others)?, db).await?);
        }
        Ok(deleted)
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
