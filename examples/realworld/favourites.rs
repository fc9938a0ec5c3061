//! Favourites, with stars. An article counts those that it has.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::put,
};
use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter, Set,
    TransactionTrait,
    sea_query::{Expr, OnConflict},
};
use serde::Deserialize;

use super::{
    Db, User, article_called,
    entities::{article, favourite},
    error::Error,
};

pub(super) fn routes() -> Router<DatabaseConnection> {
    Router::new().route("/articles/{slug}/favourite", put(set).delete(remove))
}

#[derive(Deserialize)]
struct Rating {
    stars: i32,
}

/// Adds a favourite, or changes its stars.
async fn set(
    State(db): Db,
    user: User,
    Path(slug): Path<String>,
    Json(rating): Json<Rating>,
) -> Result<StatusCode, Error> {
    let article_id = article_called(&slug, &db).await?.id;
    let favourite =
        favourite::ActiveModel { user_id: Set(user.id), article_id: Set(article_id), stars: Set(rating.stars) };
    let txn = db.begin().await?;
    favourite::Entity::insert(favourite)
        .on_conflict(
            OnConflict::columns([favourite::Column::UserId, favourite::Column::ArticleId])
                .update_column(favourite::Column::Stars)
                .to_owned(),
        )
        .exec(&txn)
        .await?;
    count(article_id, &txn).await?;
    txn.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(State(db): Db, user: User, Path(slug): Path<String>) -> Result<StatusCode, Error> {
    let article_id = article_called(&slug, &db).await?.id;
    let txn = db.begin().await?;
    favourite::Entity::delete_by_id((user.id, article_id)).exec(&txn).await?;
    count(article_id, &txn).await?;
    txn.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Counts an article's favourites anew.
async fn count(article_id: i32, txn: &DatabaseTransaction) -> Result<(), DbErr> {
    let favourites = favourite::Entity::find().filter(favourite::Column::ArticleId.eq(article_id)).count(txn).await?;
    let favourites = i32::try_from(favourites).unwrap_or(i32::MAX);
    article::Entity::update_many()
        .col_expr(article::Column::Favourites, Expr::value(favourites))
        .filter(article::Column::Id.eq(article_id))
        .filter(article::Column::Favourites.ne(favourites))
        .exec(txn)
        .await?;
    Ok(())
}
