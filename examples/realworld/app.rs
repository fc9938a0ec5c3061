//! The application. It has users who follow each other, and articles with tags, comments and favourites.

mod articles;
mod comments;
pub(crate) mod entities;
mod error;
mod favourites;
mod profiles;
mod tags;
mod users;

use axum::{
    Router,
    extract::{FromRequestParts, State},
    http::{header, request::Parts},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, Schema};
use thorn::Unauthenticated;

use self::entities::{article, article_tag, comment, favourite, follow, tag, user};

type Db = State<DatabaseConnection>;

/// The API.
pub(crate) fn routes(db: DatabaseConnection) -> Router {
    Router::new()
        .merge(users::routes())
        .merge(profiles::routes())
        .merge(articles::routes())
        .merge(comments::routes())
        .merge(favourites::routes())
        .with_state(db)
}

/// The user in `Authorization: Token alice`. There are no passwords, because this is only an example.
pub(crate) struct User {
    id: i32,
    /// The id as text, as subscriptions have it.
    pub(crate) owner: String,
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Unauthenticated;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unauthenticated> {
        let refused = || Unauthenticated::bearer("realworld");
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let id = value.and_then(|value| value.strip_prefix("Token ")).and_then(|id| id.parse().ok());
        id.map(|id: i32| Self { id, owner: id.to_string() }).ok_or_else(refused)
    }
}

/// Creates the tables that don't exist yet.
pub(crate) async fn create_tables(db: &DatabaseConnection) -> Result<(), DbErr> {
    let schema = Schema::new(db.get_database_backend());
    for mut table in [
        schema.create_table_from_entity(user::Entity),
        schema.create_table_from_entity(follow::Entity),
        schema.create_table_from_entity(article::Entity),
        schema.create_table_from_entity(tag::Entity),
        schema.create_table_from_entity(article_tag::Entity),
        schema.create_table_from_entity(comment::Entity),
        schema.create_table_from_entity(favourite::Entity),
    ] {
        db.execute(table.if_not_exists()).await?;
    }
    Ok(())
}

/// The article with this slug.
async fn article_called(slug: &str, db: &DatabaseConnection) -> Result<article::Model, error::Error> {
    let found = article::Entity::find().filter(article::Column::Slug.eq(slug)).one(db).await?;
    found.ok_or(error::Error::NotFound("article"))
}
