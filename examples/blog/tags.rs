//! Tags articles. Adding or removing a tag fires an event of the article.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, put},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, sea_query::OnConflict,
};
use thorn::{Error, Problem, links};

use crate::{
    User,
    articles::{Db, check_text, own},
    models::{article_tag, tag},
};

/// Characters that a tag may have.
const MAX_LENGTH: usize = 50;

pub(crate) fn routes() -> Router<DatabaseConnection> {
    Router::new()
        .route("/articles/{id}/tags/", delete(clear))
        .route("/articles/{id}/tags/{name}/", put(add).delete(remove))
}

async fn add(State(db): Db, Path((id, name)): Path<(i32, String)>, user: User) -> Result<StatusCode, Problem> {
    let article = own(&db, id, &user).await?;
    if name.trim().is_empty() {
        return Err(Problem::new(StatusCode::BAD_REQUEST).detail("a tag must not be empty"));
    }
    check_text("tag", &name, MAX_LENGTH)?;
    let tag = find_or_create(&db, name).await.map_err(Problem::internal)?;
    // Writes link and event in one transaction, and nothing if the tag is already there.
    links::add(article_tag::Entity, &article, tag, &db).await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(State(db): Db, Path((id, name)): Path<(i32, String)>, user: User) -> Result<StatusCode, Problem> {
    let article = own(&db, id, &user).await?;
    check_text("tag", &name, MAX_LENGTH)?;
    let tag = find(&db, &name).await.map_err(Problem::internal)?;
    links::remove(article_tag::Entity, &article, tag, &db).await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn clear(State(db): Db, Path(id): Path<i32>, user: User) -> Result<StatusCode, Problem> {
    let article = own(&db, id, &user).await?;
    links::clear(article_tag::Entity, &article, &db).await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(db: &DatabaseConnection, name: &str) -> Result<Option<tag::Model>, DbErr> {
    tag::Entity::find().filter(tag::Column::Name.eq(name)).one(db).await
}

async fn find_or_create(db: &DatabaseConnection, name: String) -> Result<Option<tag::Model>, DbErr> {
    let new = tag::ActiveModel { name: Set(name.clone()), ..Default::default() };
    // MariaDB has no DO NOTHING; there the name's row gets its own id again.
    let or_nothing = OnConflict::column(tag::Column::Name).do_nothing_on([tag::Column::Id]).to_owned();
    tag::Entity::insert(new).on_conflict(or_nothing).exec_without_returning(db).await?;
    find(db, &name).await
}
