//! The key that authenticates tasks, in the row of `thorn_registry`.

use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, sea_query::Expr};

use super::refused;
use crate::{
    error::Error,
    signing::{SecretError, TaskKey},
    tables::subscription::registry::{Column, Entity},
};

/// The only row of `thorn_registry`.
const ROW: i32 = 1;

/// Reads the database's key. The first worker generates it.
pub(super) async fn load(db: &DatabaseConnection) -> Result<TaskKey, Error> {
    if let Some(key) = read(db).await? {
        return Ok(key);
    }
    let key = TaskKey::generate().map_err(SecretError::from)?;
    Entity::update_many()
        .col_expr(Column::TaskKey, Expr::value(key.expose().as_str()))
        .filter(Column::Id.eq(ROW))
        .filter(Column::TaskKey.is_null())
        .exec(db)
        .await?;
    // Another worker may have been first.
    read(db).await?.ok_or_else(|| refused("thorn_registry is empty; run thorn's migrations".into()))
}

async fn read(db: &DatabaseConnection) -> Result<Option<TaskKey>, Error> {
    let row = Entity::find_by_id(ROW).one(db).await?;
    let text = row.and_then(|row| row.task_key);
    text.map(|text| text.parse().map_err(|error| super::failed("authenticating tasks", error))).transpose()
}
