//! An UPDATE of many rows.

use std::{collections::HashMap, panic::Location};

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable, ModelTrait,
    PrimaryKeyToColumn, QueryFilter, QueryResult, QuerySelect, QueryTrait, UpdateResult,
    sea_query::{Condition, Expr, IntoCondition, IntoIden, Query, UpdateStatement, ValueTuple},
};

use super::{
    insertion::{all_columns, changed_statement},
    matching::{Batches, Matching, has_subquery},
    rehearsal::{Before, rehearsed},
};
use crate::model::{
    announce::{Written, announce, needs_rows},
    change::Op,
    junction::{MAX_KEYS, with_keys},
    row_lock,
    transaction::atomically,
    webhook_model::{WebhookModel, needs_old_row},
};

/// [`sea_orm::UpdateMany`], with the events of the rows. `Entity::update_many` of an annotated model returns it.
///
/// The rows are read and locked first, in batches of 1000, so that events know them as they were. A statement with a
/// subquery runs once for all rows, because a batch could change what the subquery reads.
///
/// # Examples
///
/// ```
/// use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, QueryFilter, sea_query::Expr};
/// use thorn_core::model::{WebhookModel, statement::UpdateMany};
///
/// /// Sets a column that is null. In an application, `update` is `article::Entity::update_many()`.
/// async fn fill<E: WebhookModel>(
///     update: UpdateMany<E>,
///     column: E::Column,
///     value: &str,
///     db: &DatabaseConnection,
/// ) -> Result<u64, DbErr> {
///     let update = update.col_expr(column, Expr::value(value)).filter(column.is_null());
///     Ok(update.exec(db).await?.rows_affected)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct UpdateMany<E: EntityTrait> {
    pub(super) inner: sea_orm::UpdateMany<E>,
    pub(super) matching: Matching,
}

impl<E: WebhookModel> UpdateMany<E> {
    /// An UPDATE of all rows, to be filtered.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: sea_orm::Update::many(E::default()), matching: Matching::all() }
    }

    /// As [`sea_orm::UpdateMany::set`].
    #[must_use]
    pub fn set<A: ActiveModelTrait<Entity = E>>(mut self, row: A) -> Self {
        self.inner = self.inner.set(row);
        self
    }

    /// As [`sea_orm::UpdateMany::col_expr`].
    #[must_use]
    pub fn col_expr<T: IntoIden>(mut self, column: T, value: Expr) -> Self {
        self.inner = self.inner.col_expr(column, value);
        self
    }

    /// Applies the setters of SeaORM's builder. A filter among them is unknown to thorn.
    pub(in crate::model) fn with(mut self, set: impl FnOnce(sea_orm::UpdateMany<E>) -> sea_orm::UpdateMany<E>) -> Self {
        self.inner = set(self.inner);
        self
    }

    /// As [`sea_orm::UpdateMany::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, or that of an event that can't be rendered. In both cases no row is updated.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<UpdateResult, DbErr>> {
        let caller = Location::caller();
        async move {
            if !needs_rows::<E>(Op::Change) {
                return self.inner.exec(db).await;
            }
            let mut result = UpdateResult::default();
            result.rows_affected = atomically!(E, db, caller, |on| self.run(|_| (), on))?;
            Ok(result)
        }
    }

    /// As [`sea_orm::UpdateMany::exec_with_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C>(self, db: &C) -> impl Future<Output = Result<Vec<E::Model>, DbErr>>
    where
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        async move {
            if !needs_rows::<E>(Op::Change) || !db.support_returning() {
                return self.inner.exec_with_returning(db).await;
            }
            self.rows_from(db, caller).await
        }
    }

    /// Updates the rows and returns them, on every database.
    pub(in crate::model) async fn rows_from<C>(self, db: &C, caller: &Location<'_>) -> Result<Vec<E::Model>, DbErr>
    where
        C: ConnectionTrait,
    {
        atomically!(E, db, caller, |on| self.rows(on))
    }

    pub(in crate::model) async fn rows<C: ConnectionTrait>(self, db: &C) -> Result<Vec<E::Model>, DbErr> {
        let mut updated = Vec::new();
        self.run(|row| updated.push(row), db).await?;
        Ok(updated)
    }

    /// Updates the rows in batches, writes their events, and gives each row to `see`. Returns the number of rows.
    async fn run<C: ConnectionTrait>(self, mut see: impl FnMut(E::Model), db: &C) -> Result<u64, DbErr> {
        let Self { inner, matching } = self;
        if inner.as_query().get_values().is_empty() {
            return Ok(0);
        }
        if matching.is_own {
            let written = update_own::<E, C>(inner.into_query(), db).await?;
            announce::<E, C>(&written, db).await?;
            let count = written.len() as u64;
            written.into_iter().for_each(|row| see(row.new));
            return Ok(count);
        }
        let mut count = 0;
        let mut batches = batches(&inner, matching.condition);
        loop {
            let old = batches.next(db).await?;
            if old.is_empty() {
                return Ok(count);
            }
            let written = update_rows(&inner, old, db).await?;
            announce::<E, C>(&written, db).await?;
            count += written.len() as u64;
            written.into_iter().for_each(|row| see(row.new));
        }
    }
}

/// The rows that an update matches, in batches.
pub(super) fn batches<E: EntityTrait>(update: &sea_orm::UpdateMany<E>, matching: Condition) -> Batches<E> {
    Batches::of(matching, sets_key(update) || has_subquery(update.as_query()))
}

/// Updates these rows, which are locked.
pub(super) async fn update_rows<E, C>(
    update: &sea_orm::UpdateMany<E>,
    old: Vec<E::Model>,
    db: &C,
) -> Result<Vec<Written<E::Model>>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    if sets_key(update) { update_keys(update, old, db).await } else { update_batch(update, old, db).await }
}

/// Updates these rows with one statement.
async fn update_batch<E, C>(
    update: &sea_orm::UpdateMany<E>,
    old: Vec<E::Model>,
    db: &C,
) -> Result<Vec<Written<E::Model>>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let keys: Vec<_> = old.iter().map(ModelTrait::get_primary_key_value).collect();
    let update = update.clone();
    // A statement with a subquery has to run once, whatever it matches.
    let update = if keys.len() <= MAX_KEYS { update.filter(with_keys::<E>(&keys)) } else { update };
    let new = if db.support_returning() {
        update.exec_with_returning(db).await?
    } else {
        update.exec(db).await?;
        find_again::<E, C>(&keys, db).await?
    };
    let mut old: HashMap<_, _> = keys.into_iter().zip(old).collect();
    Ok(new.into_iter().map(|new| Written::changed(old.remove(&new.get_primary_key_value()), new)).collect())
}

/// Updates these rows one by one, because their primary keys change.
async fn update_keys<E, C>(
    update: &sea_orm::UpdateMany<E>,
    old: Vec<E::Model>,
    db: &C,
) -> Result<Vec<Written<E::Model>>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let mut written = Vec::with_capacity(old.len());
    for old in old {
        let key = [old.get_primary_key_value()];
        let this = update.clone().filter(with_keys::<E>(&key));
        let new = if db.support_returning() {
            this.exec_with_returning(db).await?
        } else {
            let new_key = new_key(&this, &key, db).await?;
            this.exec(db).await?;
            find_again::<E, C>(&new_key, db).await?
        };
        written.extend(new.into_iter().next().map(|new| Written::changed(Some(old), new)));
    }
    Ok(written)
}

/// Updates with a statement of which thorn knows only the SQL.
async fn update_own<E, C>(mut statement: UpdateStatement, db: &C) -> Result<Vec<Written<E::Model>>, DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    if !db.support_returning() {
        return Err(changed_statement::<E>());
    }
    statement.returning(Query::returning().exprs(all_columns::<E>(db.get_database_backend())));
    let were_there = |_: &QueryResult, _: DbBackend| Ok(Before::Some);
    Ok(rehearsed::<E, _, C>(&statement, were_there, needs_old_row::<E>(), db).await?.written)
}

/// The value that an update gives to a column.
pub(super) fn value_of<E: EntityTrait>(update: &sea_orm::UpdateMany<E>, column: E::Column) -> Option<Expr> {
    let mut values = update.as_query().get_values().iter();
    values.find(|(name, _)| *name.inner() == *column.as_str()).map(|(_, value)| value.as_ref().clone())
}

fn sets_key<E: EntityTrait>(update: &sea_orm::UpdateMany<E>) -> bool {
    E::PrimaryKey::iter().any(|key| value_of(update, key.into_column()).is_some())
}

/// The primary key that the row with this key will have after an update.
async fn new_key<E, C>(update: &sea_orm::UpdateMany<E>, key: &[ValueTuple], db: &C) -> Result<Vec<ValueTuple>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let select = E::Column::iter().fold(E::find().select_only(), |select, column| match value_of(update, column) {
        Some(value) => select.column_as(value, column.as_str()),
        None => select.column(column),
    });
    let rows = row_lock::read_all(select.filter(with_keys::<E>(key)), db).await?;
    Ok(rows.iter().map(ModelTrait::get_primary_key_value).collect())
}

/// Reads the rows with these primary keys after an update. The read locks them, because a transaction of MySQL
/// that has read before would otherwise see them as they were then.
async fn find_again<E, C>(keys: &[ValueTuple], db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let mut rows = Vec::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        rows.extend(row_lock::read_all(E::find().filter(with_keys::<E>(keys)), db).await?);
    }
    Ok(rows)
}

impl<E: WebhookModel> Default for UpdateMany<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: EntityTrait> QueryFilter for UpdateMany<E> {
    type QueryStatement = UpdateStatement;

    fn query(&mut self) -> &mut UpdateStatement {
        QueryTrait::query(self)
    }

    fn filter<F: IntoCondition>(mut self, filter: F) -> Self {
        self.filter_mut(filter);
        self
    }

    fn filter_mut<F: IntoCondition>(&mut self, filter: F) {
        let condition = filter.into_condition();
        self.matching.add(condition.clone());
        self.inner.filter_mut(condition);
    }
}

impl<E: EntityTrait> QueryTrait for UpdateMany<E> {
    type QueryStatement = UpdateStatement;

    fn query(&mut self) -> &mut UpdateStatement {
        self.matching.is_own = true;
        QueryTrait::query(&mut self.inner)
    }

    fn as_query(&self) -> &UpdateStatement {
        self.inner.as_query()
    }

    fn into_query(self) -> UpdateStatement {
        self.inner.into_query()
    }
}
