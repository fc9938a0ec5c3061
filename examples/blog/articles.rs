//! The REST API of articles. Every save writes its events.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use sea_orm::{ActiveValue::Set, DatabaseConnection, EntityTrait, IntoActiveModel, ModelTrait, QueryOrder};
use serde::{Deserialize, Serialize};
use thorn::Problem;

use crate::{
    User,
    models::{article, tag},
};

pub(crate) type Db = State<DatabaseConnection>;

pub(crate) fn routes() -> Router<DatabaseConnection> {
    Router::new().route("/articles/", post(create)).route("/articles/{id}/", get(show).patch(change).delete(remove))
}

#[derive(Deserialize)]
struct NewArticle {
    title: String,
    body: String,
    state: Option<article::State>,
}

#[derive(Deserialize)]
struct ArticleChange {
    title: Option<String>,
    body: Option<String>,
    state: Option<article::State>,
}

/// The JSON of an article.
#[derive(Serialize)]
struct ArticleView {
    #[serde(flatten)]
    article: article::Model,
    tags: Vec<String>,
}

impl ArticleView {
    async fn of(article: article::Model, db: &DatabaseConnection) -> Result<Json<Self>, Problem> {
        let tags = article.find_related(tag::Entity).order_by_asc(tag::Column::Name);
        let tags = tags.all(db).await.map_err(Problem::internal)?.into_iter().map(|tag| tag.name).collect();
        Ok(Json(Self { article, tags }))
    }
}

async fn create(State(db): Db, user: User, Json(new): Json<NewArticle>) -> Result<impl IntoResponse, Problem> {
    check_texts(Some(&new.title), Some(&new.body))?;
    let article = article::ActiveModel {
        title: Set(new.title),
        body: Set(new.body),
        state: Set(new.state.unwrap_or(article::State::Draft)),
        author: Set(user.0),
        ..Default::default()
    };
    // Writes row and event in one transaction. `thorn::Error` tells an event that is too large (413) from a failure (500).
    let article = article.insert(&db).await.map_err(thorn::Error::from)?;
    let location = [(header::LOCATION, format!("/articles/{}/", article.id))];
    Ok((StatusCode::CREATED, location, ArticleView::of(article, &db).await?))
}

async fn show(State(db): Db, Path(id): Path<i32>) -> Result<Json<ArticleView>, Problem> {
    ArticleView::of(find(&db, id).await?, &db).await
}

async fn change(
    State(db): Db,
    Path(id): Path<i32>,
    user: User,
    Json(change): Json<ArticleChange>,
) -> Result<Json<ArticleView>, Problem> {
    check_texts(change.title.as_deref(), change.body.as_deref())?;
    let mut article = own(&db, id, &user).await?.into_active_model();
    // An update that sets no column announces nothing, so an equal value isn't set.
    change.title.into_iter().for_each(|title| article.title.set_if_not_equals(title));
    change.body.into_iter().for_each(|body| article.body.set_if_not_equals(body));
    change.state.into_iter().for_each(|state| article.state.set_if_not_equals(state));
    let article = article.update(&db).await.map_err(thorn::Error::from)?;
    ArticleView::of(article, &db).await
}

async fn remove(State(db): Db, Path(id): Path<i32>, user: User) -> Result<StatusCode, Problem> {
    own(&db, id, &user).await?.delete(&db).await.map_err(thorn::Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

fn check_texts(title: Option<&str>, body: Option<&str>) -> Result<(), Problem> {
    title.map_or(Ok(()), |title| check_text("title", title, 255))?;
    body.map_or(Ok(()), |body| check_text("body", body, usize::MAX)) // the size of its events limits it
}

/// Checks what databases refuse otherwise: a longer text on MariaDB, a NUL on PostgreSQL.
pub(crate) fn check_text(field: &'static str, text: &str, max_length: usize) -> Result<(), Problem> {
    let length = text.chars().count();
    let wrong = match text.contains('\0') {
        true => format!("the {field} has a NUL character"),
        false if length > max_length => {
            format!("the {field} has {length} characters, at most {max_length} are allowed")
        }
        false => return Ok(()),
    };
    Err(Problem::new(StatusCode::BAD_REQUEST).detail(wrong))
}

async fn find(db: &DatabaseConnection, id: i32) -> Result<article::Model, Problem> {
    let found = article::Entity::find_by_id(id).one(db).await.map_err(Problem::internal)?;
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND).detail(format!("no article {id}")))
}

/// The article, if the user is its author and may change it.
pub(crate) async fn own(db: &DatabaseConnection, id: i32, user: &User) -> Result<article::Model, Problem> {
    let article = find(db, id).await?;
    let theirs = || Problem::new(StatusCode::FORBIDDEN).detail(format!("article {id} is by {}", article.author));
    if article.author == user.0 { Ok(article) } else { Err(theirs()) }
}
