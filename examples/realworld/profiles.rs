//! Users who follow others.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, Set, sea_query::OnConflict};

use super::{
    Db, User,
    entities::{follow, user},
    error::Error,
};

pub(super) fn routes() -> Router<DatabaseConnection> {
    Router::new().route("/profiles/{username}/follow", post(begin).delete(end))
}

/// Following somebody twice is following them once.
async fn begin(State(db): Db, user: User, Path(username): Path<String>) -> Result<StatusCode, Error> {
    let follow = follow::ActiveModel { follower_id: Set(user.id), followed_id: Set(id_of(&username, &db).await?) };
    let columns = [follow::Column::FollowerId, follow::Column::FollowedId];
    follow::Entity::insert(follow)
        .on_conflict(OnConflict::columns(columns).do_nothing_on(columns).to_owned())
        .exec_without_returning(&db)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end(State(db): Db, user: User, Path(username): Path<String>) -> Result<StatusCode, Error> {
    let followed = id_of(&username, &db).await?;
    follow::Entity::delete_by_id((user.id, followed)).exec(&db).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn id_of(username: &str, db: &DatabaseConnection) -> Result<i32, Error> {
    let user = user::Entity::find().filter(user::Column::Username.eq(username)).one(db).await?;
    user.map(|user| user.id).ok_or(Error::NotFound("user"))
}
