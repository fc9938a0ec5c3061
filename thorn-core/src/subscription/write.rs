//! The one way in which subscriptions are written.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    ExprTrait, QueryFilter, SqlErr, sea_query::Expr,
};

use crate::{
    db::transaction,
    error::Error,
    id::SubscriptionId,
    spec::InvalidSubscription,
    tables::subscription::{ActiveModel, Column, Entity, registry},
    timestamp::Timestamp,
};

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 190;

/// The only row of `thorn_registry`.
const ROW: i32 = 1;

/// A transaction that brings the registry's next version.
///
/// Its first statement takes the lock on the registry's row, so of all writers one is at work at a
/// time, and versions become visible in their order: who has seen version n has seen all before.
pub(crate) struct Write {
    pub(crate) transaction: DatabaseTransaction,
    /// To be stamped on the row that is written.
    pub(crate) version: i64,
}

impl Write {
    pub(crate) async fn begin(db: &DatabaseConnection) -> Result<Self, Error> {
        let transaction = transaction::begin(db).await?;
        let version = next_version(&transaction).await?;
        Ok(Self { transaction, version })
    }

    /// Takes the registry's next version, for another row: each version is one row's.
    pub(crate) async fn step(&mut self) -> Result<(), Error> {
        self.version = next_version(&self.transaction).await?;
        Ok(())
    }

    pub(crate) async fn insert(&self, row: ActiveModel) -> Result<(), Error> {
        let inserted = Entity::insert(row).exec_without_returning(&self.transaction).await;
        inserted.map_err(refused).map(drop)
    }

    pub(crate) async fn update(&self, row: ActiveModel) -> Result<(), Error> {
        row.update_without_returning(&self.transaction).await.map_err(refused).map(drop)
    }

    /// Deletes what isn't deleted, and says whether it did. The row stays, for the history and for
    /// the registries, which must learn of it.
    pub(crate) async fn delete(&self, id: SubscriptionId) -> Result<bool, Error> {
        let now = Timestamp::now().as_millis();
        let deleted = Entity::update_many()
            .col_expr(Column::DeletedAt, Expr::value(now))
            .col_expr(Column::Identity, Expr::value(None::<String>))
            .col_expr(Column::Secret, Expr::value(""))
            .col_expr(Column::Headers, Expr::value(None::<String>))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .col_expr(Column::Version, Expr::value(self.version))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::DeletedAt.is_null())
            .exec(&self.transaction)
            .await?;
        Ok(deleted.rows_affected > 0)
    }

    /// Disables what is neither disabled nor deleted, and failing since then if that is asked, and says
    /// whether it did.
    pub(crate) async fn disable(
        &self,
        id: SubscriptionId,
        failing_since: Option<Timestamp>,
        reason: &str,
    ) -> Result<bool, Error> {
        let now = Timestamp::now().as_millis();
        let reason: String = reason.chars().take(MAX_REASON).collect();
        let mut disable = Entity::update_many()
            .col_expr(Column::DisabledAt, Expr::value(now))
            .col_expr(Column::DisabledReason, Expr::value(reason))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .col_expr(Column::Version, Expr::value(self.version))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::DisabledAt.is_null())
            .filter(Column::DeletedAt.is_null());
        if let Some(since) = failing_since {
            disable = disable.filter(Column::FailingSince.eq(since.as_millis()));
        }
        Ok(disable.exec(&self.transaction).await?.rows_affected > 0)
    }

    /// Notes since when nothing gets through. A time that is noted already stays.
    pub(crate) async fn set_failing_since(&self, id: SubscriptionId, since: Option<Timestamp>) -> Result<(), Error> {
        let update = Entity::update_many()
            .col_expr(Column::FailingSince, Expr::value(since.map(Timestamp::as_millis)))
            .col_expr(Column::Version, Expr::value(self.version))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::DeletedAt.is_null());
        let update = if since.is_some() { update.filter(Column::FailingSince.is_null()) } else { update };
        update.exec(&self.transaction).await?;
        Ok(())
    }

    /// Commits what went well and takes back what didn't.
    pub(crate) async fn finish<T>(self, done: Result<T, Error>) -> Result<T, Error> {
        match done {
            Ok(value) => {
                self.transaction.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // The first error says more than that of a rollback, and an open transaction ends
                // with its connection.
                let _ = self.transaction.rollback().await;
                Err(error)
            }
        }
    }
}

async fn next_version(transaction: &DatabaseTransaction) -> Result<i64, Error> {
    registry::Entity::update_many()
        .col_expr(registry::Column::Version, Expr::col(registry::Column::Version).add(1))
        .filter(registry::Column::Id.eq(ROW))
        .exec(transaction)
        .await?;
    version(transaction).await
}

/// The registry's present version.
pub(crate) async fn version<C: ConnectionTrait>(db: &C) -> Result<i64, Error> {
    // Not `one`: for its LIMIT with a parameter SQLite prepares the statement anew each time.
    let row = registry::Entity::find_by_id(ROW).all(db).await?.pop();
    let missing = || DbErr::RecordNotFound("thorn_registry is empty; run thorn's migrations".to_owned());
    Ok(row.ok_or_else(missing)?.version)
}

/// The only unique thing of a subscription that users choose is its identity.
fn refused(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => InvalidSubscription::duplicate().into(),
        _ => error.into(),
    }
}
