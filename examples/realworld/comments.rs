//! Comments on articles.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, post},
};
use sea_orm::{DatabaseConnection, EntityTrait, IntoActiveModel, Set};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Db, User, article_called, entities::comment, error::Error};

pub(super) fn routes() -> Router<DatabaseConnection> {
    Router::new()
        .route("/articles/{slug}/comments", post(create))
        .route("/articles/{slug}/comments/{id}", delete(remove))
}

#[derive(Deserialize)]
struct NewComment {
    body: String,
}

async fn create(
    State(db): Db,
    user: User,
    Path(slug): Path<String>,
    Json(new): Json<NewComment>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let article = article_called(&slug, &db).await?;
    let comment = comment::ActiveModel {
        article_id: Set(article.id),
        author_id: Set(user.id),
        body: Set(new.body),
        ..Default::default()
    };
    let inserted = comment::Entity::insert(comment).exec(&db).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": inserted.last_insert_id }))))
}

async fn remove(State(db): Db, user: User, Path((_, id)): Path<(String, i32)>) -> Result<StatusCode, Error> {
    let comment = comment::Entity::find_by_id(id).one(&db).await?.ok_or(Error::NotFound("comment"))?;
    if comment.author_id != user.id {
        return Err(Error::Forbidden("comment"));
    }
    comment::Entity::delete(comment.into_active_model()).exec(&db).await?;
    Ok(StatusCode::NO_CONTENT)
}
