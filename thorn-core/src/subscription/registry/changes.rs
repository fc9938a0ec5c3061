//! Reads pages of changes from the table.

use std::sync::Arc;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Value,
};

use super::{
    compiled::{RegistryChange, SubscriptionState},
    packed_rows::PackedPage,
};
use crate::{
    db::statement,
    id::SubscriptionId,
    signing::SecretKey,
    subscription::row,
    tables::subscription::{Column, Entity, InOrder, Model},
};

/// Changes of the table, by their versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Versions {
    /// The greatest version that is known already.
    pub(super) after: i64,
    /// The greatest version to read. `None` reads whatever comes.
    pub(super) until: Option<i64>,
}

/// Reads at most one page of changes, in the order of their versions.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    versions: Versions,
    length: usize,
    key: Option<&SecretKey>,
) -> Result<Vec<RegistryChange>, DbErr> {
    let rows = match db.get_database_backend() {
        DbBackend::Sqlite => packed_rows(db, versions, length).await?,
        _ => rows(db, versions, length).await?,
    };
    // Decrypting is slow, so it happens before the write lock is taken and doesn't delay matching.
    let change = |row: Model| RegistryChange {
        id: SubscriptionId::from_uuid(row.id),
        version: row.version,
        state: state_of(row, key),
    };
    Ok(rows.into_iter().map(change).collect())
}

async fn rows<C: ConnectionTrait>(
    db: &C,
    Versions { after, until }: Versions,
    length: usize,
) -> Result<Vec<Model>, DbErr> {
    let mut rows = Entity::find().filter(Column::Version.gt(after));
    if let Some(until) = until {
        rows = rows.filter(Column::Version.lte(until));
    }
    let rows = InOrder::of(rows.order_by_asc(Column::Version).limit(length as u64)).all(db).await?;
    Ok(rows.into_iter().map(|InOrder(row)| row).collect())
}

async fn packed_rows<C: ConnectionTrait>(
    db: &C,
    Versions { after, until }: Versions,
    length: usize,
) -> Result<Vec<Model>, DbErr> {
    let values = [after, until.unwrap_or(i64::MAX), i64::try_from(length).unwrap_or(i64::MAX)].map(Value::from);
    let pages =
        PackedPage::find_by_statement(statement(DbBackend::Sqlite, PackedPage::select(), values)).all(db).await?;
    let mut rows: Vec<_> = pages.into_iter().flat_map(|PackedPage(rows)| rows).collect();
    rows.sort_unstable_by_key(|row| row.version);
    Ok(rows)
}

fn state_of(row: Model, key: Option<&SecretKey>) -> SubscriptionState {
    if row.deleted_at.is_some() || row.disabled_at.is_some() {
        return SubscriptionState::Inactive;
    }
    let id = row.id;
    match row::read(row, key) {
        Ok(subscription) if subscription.is_refused() => SubscriptionState::Inactive,
        Ok(subscription) => SubscriptionState::Enabled(Arc::new(subscription)),
        Err(error) => {
            tracing::error!(subscription.id = %id, %error, "a subscription can't be read");
            SubscriptionState::Unreadable(error.to_string())
        }
    }
}
