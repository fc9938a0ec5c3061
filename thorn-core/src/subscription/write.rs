//! The transaction that writes subscriptions. All writes to the table use it.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    ExprTrait, QueryFilter, SqlErr, prelude::Uuid, sea_query::Expr,
};

use super::entry::{Hold, Subscription, Warning};
use crate::{
    db::transaction,
    error::Error,
    id::SubscriptionId,
    spec::InvalidSubscription,
    tables::subscription::{ActiveModel, Column, Entity, registry},
    timestamp::Timestamp,
};

/// The maximum length of a stored reason, in characters. A longer reason is cut.
const MAX_REASON: usize = 190;

/// The only row of `thorn_registry`.
pub(super) const REGISTRY_ROW: i32 = 1;

/// A transaction that creates the registry's next version.
///
/// Its first statement locks the registry's row, so only one writer works at a time. Therefore versions become
/// visible in order: a reader that sees version n also sees every earlier version.
pub(crate) struct Write {
    pub(crate) transaction: DatabaseTransaction,
    /// The version for the row that is written.
    pub(crate) version: i64,
    /// Whether [`next_row`](Self::next_row) has given this version to a row.
    is_taken: bool,
}

impl Write {
    pub(crate) async fn begin(db: &DatabaseConnection) -> Result<Self, Error> {
        let transaction = transaction::begin(db).await?;
        let version = next_version(&transaction).await?;
        Ok(Self { transaction, version, is_taken: false })
    }

    /// Takes the registry's next version for another row. Each version belongs to a single row.
    pub(crate) async fn step(&mut self) -> Result<(), Error> {
        self.version = next_version(&self.transaction).await?;
        Ok(())
    }

    /// Takes a version for the next of several rows. The first one gets the version that the transaction began with.
    pub(super) async fn next_row(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.is_taken, true) { self.step().await } else { Ok(()) }
    }

    pub(crate) async fn insert(&self, row: ActiveModel) -> Result<(), Error> {
        let inserted = Entity::insert(row).exec_without_returning(&self.transaction).await;
        inserted.map_err(refused).map(drop)
    }

    pub(crate) async fn update(&self, row: ActiveModel) -> Result<(), Error> {
        row.update_without_returning(&self.transaction).await.map_err(refused).map(drop)
    }

    /// Deletes a subscription. Returns `false` if the subscription doesn't exist or is already deleted.
    ///
    /// The row stays for a while, marked as deleted: the registries learn of the deletion from it, and the history needs
    /// the URL. Everything else that its owner entered is erased.
    pub(crate) async fn delete(&self, id: SubscriptionId) -> Result<bool, Error> {
        let now = Timestamp::now().as_millis();
        let deleted = Entity::update_many()
            .col_expr(Column::DeletedAt, Expr::value(now))
            .col_expr(Column::Identity, Expr::value(None::<String>))
            .col_expr(Column::Secret, Expr::value(""))
            .col_expr(Column::Headers, Expr::value(None::<String>))
            .col_expr(Column::CountedHost, Expr::value(None::<String>))
            .col_expr(Column::Filter, Expr::value(None::<String>))
            .col_expr(Column::TopicId, Expr::value(None::<Uuid>))
            .col_expr(Column::TopicGiven, Expr::value(None::<String>))
            .col_expr(Column::ExpiresAt, Expr::value(None::<i64>))
            .col_expr(Column::RenewAt, Expr::value(None::<i64>))
            .col_expr(Column::VerifyToken, Expr::value(None::<String>))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .col_expr(Column::Version, Expr::value(self.version))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::DeletedAt.is_null())
            .exec(&self.transaction)
            .await?;
        Ok(deleted.rows_affected > 0)
    }

    /// Disables a subscription. Returns `false` if the subscription doesn't exist or is already disabled or deleted.
    ///
    /// With `failing_since`, the subscription is disabled only if its own `failing_since` is this time.
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

    /// Notes the time since which deliveries fail. A time already noted isn't replaced.
    pub(crate) async fn note_failing(&self, id: SubscriptionId, since: Timestamp) -> Result<(), Error> {
        let note = Entity::update_many()
            .col_expr(Column::FailingSince, Expr::value(since.as_millis()))
            .col_expr(Column::Version, Expr::value(self.version))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::DeletedAt.is_null())
            .filter(Column::FailingSince.is_null());
        note.exec(&self.transaction).await?;
        Ok(())
    }

    /// Notes a warning. Returns `false` if the subscription has had it, isn't failing since this time any more, or is
    /// disabled or deleted.
    pub(crate) async fn note_warning(
        &self,
        id: SubscriptionId,
        failing_since: Timestamp,
        warning: Warning,
    ) -> Result<bool, Error> {
        let note = Entity::update_many()
            .col_expr(Column::Warned, Expr::value(warning.number()))
            .col_expr(Column::Version, Expr::value(self.version))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::FailingSince.eq(failing_since.as_millis()))
            .filter(Column::Warned.lt(warning.number()))
            .filter(Column::DisabledAt.is_null())
            .filter(Column::DeletedAt.is_null());
        Ok(note.exec(&self.transaction).await?.rows_affected > 0)
    }

    /// Notes that a delivery succeeded: the subscription isn't failing, and its deliveries aren't held. Returns whether
    /// it had been warned.
    pub(crate) async fn note_success(&self, id: SubscriptionId) -> Result<bool, Error> {
        let unwarned = Entity::update_many()
            .col_expr(Column::Warned, Expr::value(0))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::Warned.gt(0))
            .filter(Column::DeletedAt.is_null());
        let was_warned = unwarned.exec(&self.transaction).await?.rows_affected > 0;
        let note = Entity::update_many()
            .col_expr(Column::FailingSince, Expr::value(None::<i64>))
            .col_expr(Column::HeldUntil, Expr::value(None::<i64>))
            .col_expr(Column::HeldStep, Expr::value(0))
            .col_expr(Column::ProbedUntil, Expr::value(None::<i64>))
            .col_expr(Column::HeldSince, Expr::value(None::<i64>))
            .col_expr(Column::HeldReason, Expr::value(None::<String>))
            .col_expr(Column::HeldStatus, Expr::value(None::<i32>))
            .col_expr(Column::HeldError, Expr::value(None::<String>))
            .col_expr(Column::Version, Expr::value(self.version))
            .filter(Column::Id.eq(id.as_uuid()))
            .filter(Column::DeletedAt.is_null());
        note.exec(&self.transaction).await?;
        Ok(was_warned)
    }

    /// Replaces the hold `before` by `after`. Returns `false` if the subscription has another hold by now, or if a user has
    /// changed, disabled or deleted it since the caller read it.
    pub(crate) async fn hold(&self, known: &Subscription, before: Option<&Hold>, after: &Hold) -> Result<bool, Error> {
        let cause = after.cause.as_deref();
        let hold = Entity::update_many()
            .col_expr(Column::HeldUntil, Expr::value(after.until.as_millis()))
            .col_expr(Column::HeldStep, Expr::value(i32::try_from(after.step).unwrap_or(i32::MAX)))
            .col_expr(Column::ProbedUntil, Expr::value(after.probed_until.map(Timestamp::as_millis)))
            .col_expr(Column::HeldSince, Expr::value(cause.map(|cause| cause.since.as_millis())))
            .col_expr(Column::HeldReason, Expr::value(cause.map(|cause| cause.reason.as_str())))
            .col_expr(Column::HeldStatus, Expr::value(cause.and_then(|cause| cause.status).map(i32::from)))
            .col_expr(Column::HeldError, Expr::value(cause.and_then(|cause| cause.error.clone())))
            .col_expr(Column::Version, Expr::value(self.version))
            .filter(Column::Id.eq(known.id.as_uuid()))
            .filter(Column::UpdatedAt.eq(known.updated_at.as_millis()))
            .filter(Column::DisabledAt.is_null())
            .filter(Column::DeletedAt.is_null())
            .filter(match before {
                Some(before) => Column::HeldUntil.eq(before.until.as_millis()),
                None => Column::HeldUntil.is_null(),
            })
            .filter(match before.and_then(|before| before.probed_until) {
                Some(until) => Column::ProbedUntil.eq(until.as_millis()),
                None => Column::ProbedUntil.is_null(),
            });
        Ok(hold.exec(&self.transaction).await?.rows_affected > 0)
    }

    /// Commits if `done` is `Ok`, otherwise rolls back.
    pub(crate) async fn finish<T>(self, done: Result<T, Error>) -> Result<T, Error> {
        match done {
            Ok(value) => {
                self.transaction.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // An error of the rollback is ignored. The first error is more useful, and an open transaction ends
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
        .filter(registry::Column::Id.eq(REGISTRY_ROW))
        .exec(transaction)
        .await?;
    version(transaction).await
}

/// The registry's current version.
pub(crate) async fn version<C: ConnectionTrait>(db: &C) -> Result<i64, Error> {
    Ok(versions(db).await?.newest)
}

/// How far the table has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Versions {
    /// The version of the latest write.
    pub(super) newest: i64,
    /// The highest version of a row that was purged.
    pub(super) purged: i64,
}

pub(super) async fn versions<C: ConnectionTrait>(db: &C) -> Result<Versions, Error> {
    // `one` would add a LIMIT with a parameter, and SQLite would prepare the statement again each time.
    let row = registry::Entity::find_by_id(REGISTRY_ROW).all(db).await?.pop();
    let missing = || DbErr::RecordNotFound("thorn_registry is empty; run thorn's migrations".to_owned());
    let row = row.ok_or_else(missing)?;
    Ok(Versions { newest: row.version, purged: row.purged_version })
}

/// The error for a refused write. Users choose no unique value but the identity, so a violation means a duplicate.
fn refused(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => InvalidSubscription::duplicate().into(),
        _ => error.into(),
    }
}
