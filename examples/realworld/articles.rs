//! Articles.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{post, put},
};
use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, DatabaseConnection, IntoActiveModel, QueryFilter, Set, TransactionTrait,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Db, User, article_called,
    entities::{article, article_tag, comment, favourite},
    error::Error,
    tags,
};

pub(super) fn routes() -> Router<DatabaseConnection> {
    Router::new().route("/articles", post(create)).route("/articles/{slug}", put(change).delete(remove))
}

#[derive(Deserialize)]
struct NewArticle {
    title: String,
    body: String,
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct ArticleChange {
    title: Option<String>,
    body: Option<String>,
}

async fn create(State(db): Db, user: User, Json(new): Json<NewArticle>) -> Result<(StatusCode, Json<Value>), Error> {
    let slug = slug_of(&new.title);
    let article = article::ActiveModel {
        id: NotSet,
        slug: Set(slug.clone()),
        title: Set(new.title),
        body: Set(new.body),
        author_id: Set(user.id),
        favourites: Set(0),
    };
    let txn = db.begin().await?;
    let inserted = article::Entity::insert(article).exec(&txn).await?;
    tags::set(inserted.last_insert_id, &new.tags, &txn).await?;
    txn.commit().await?;
    Ok((StatusCode::CREATED, Json(json!({ "slug": slug }))))
}

async fn change(
    State(db): Db,
    user: User,
    Path(slug): Path<String>,
    Json(change): Json<ArticleChange>,
) -> Result<Json<Value>, Error> {
    let mut article = own(&slug, &user, &db).await?.into_active_model();
    if let Some(title) = change.title {
        article.slug = Set(slug_of(&title));
        article.title = Set(title);
    }
    change.body.into_iter().for_each(|body| article.body = Set(body));
    let article = article::Entity::update(article).exec(&db).await?;
    Ok(Json(json!({ "slug": article.slug })))
}

async fn remove(State(db): Db, user: User, Path(slug): Path<String>) -> Result<StatusCode, Error> {
    let article = own(&slug, &user, &db).await?;
    let txn = db.begin().await?;
    comment::Entity::delete_many().filter(comment::Column::ArticleId.eq(article.id)).exec(&txn).await?;
    favourite::Entity::delete_many().filter(favourite::Column::ArticleId.eq(article.id)).exec(&txn).await?;
    article_tag::Entity::delete_many().filter(article_tag::Column::ArticleId.eq(article.id)).exec(&txn).await?;
    article::Entity::delete_by_id(article.id).exec(&txn).await?;
    txn.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn own(slug: &str, user: &User, db: &DatabaseConnection) -> Result<article::Model, Error> {
    let article = article_called(slug, db).await?;
    if article.author_id == user.id { Ok(article) } else { Err(Error::Forbidden("article")) }
}

fn slug_of(title: &str) -> String {
    let words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}
