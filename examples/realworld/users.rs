//! Registration, and the user's own profile.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{post, put},
};
use sea_orm::{ActiveValue::NotSet, DatabaseConnection, Set};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Db, User, entities::user, error::Error};

pub(super) fn routes() -> Router<DatabaseConnection> {
    Router::new().route("/users", post(register)).route("/user", put(change))
}

#[derive(Deserialize)]
struct NewUser {
    username: String,
    email: String,
}

#[derive(Deserialize)]
struct UserChange {
    email: Option<String>,
    bio: Option<String>,
}

async fn register(State(db): Db, Json(new): Json<NewUser>) -> Result<(StatusCode, Json<Value>), Error> {
    let new = user::ActiveModel { username: Set(new.username), email: Set(new.email), ..Default::default() };
    let user = user::Entity::insert(new).exec_with_returning(&db).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": user.id, "username": user.username }))))
}

async fn change(State(db): Db, user: User, Json(change): Json<UserChange>) -> Result<StatusCode, Error> {
    let change = user::ActiveModel {
        id: Set(user.id),
        email: change.email.map_or(NotSet, Set),
        bio: change.bio.map_or(NotSet, |bio| Set(Some(bio))),
        ..Default::default()
    };
    user::Entity::update(change).exec(&db).await?;
    Ok(StatusCode::NO_CONTENT)
}
