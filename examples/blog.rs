//! cargo run --example blog
//!
//! A blog whose articles announce themselves. Settings: `PORT` (3000), `DATABASE_URL`
//! (`sqlite://thorn.db`), `THORN_ALLOW_NETWORKS` (none), `WORKER=external` (then `cargo run --bin worker`).

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, header, request::Parts},
    response::IntoResponse,
    routing::{get, post},
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, Schema};
use serde::Deserialize;
use thorn::{Config, HookOwner, Problem, Thorn, Unauthenticated, subscription::Access};
use tokio::net::TcpListener;

#[path = "blog/demo.rs"]
mod demo;

mod article {
    #![expect(unreachable_pub, reason = "SeaORM's derives want public types")]
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, serde::Serialize, serde::Deserialize)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "SCREAMING_SNAKE_CASE")]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    pub enum State {
        Draft,
        Published,
    }

    #[thorn::webhook_model(
        on_create = "article.created",
        on_change = "article.changed",
        on_publish(event = "article.published", on = change, when = state.now_eq(State::Published)),
        on_delete = "article.removed",
        sender = author,
        reverse = "/articles/{id}/"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize)]
    #[sea_orm(table_name = "article")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub state: State,
        pub author: String,
    }
}

/// Whoever sends `Authorization: Bearer alice` is alice, for this is only an example.
struct User(String);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Unauthenticated;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unauthenticated> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match value.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(name @ ("alice" | "bob")) => Ok(Self(name.to_owned())),
            _ => Err(Unauthenticated::bearer("blog")),
        }
    }
}

impl HookOwner for User {
    fn access(&self) -> Access<'_> {
        Access::Owner(&self.0)
    }
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

type Db = State<DatabaseConnection>;

async fn create(State(db): Db, user: User, Json(new): Json<NewArticle>) -> Result<impl IntoResponse, Problem> {
    let article = article::ActiveModel {
        title: Set(new.title),
        body: Set(new.body),
        state: Set(new.state.unwrap_or(article::State::Draft)),
        author: Set(user.0),
        ..Default::default()
    };
    let article = article.insert(&db).await.map_err(Problem::internal)?; // row and event: one transaction
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/articles/{}/", article.id))], Json(article)))
}

async fn show(State(db): Db, Path(id): Path<i32>) -> Result<Json<article::Model>, Problem> {
    find(&db, id).await.map(Json)
}

async fn change(
    State(db): Db,
    Path(id): Path<i32>,
    user: User,
    Json(change): Json<ArticleChange>,
) -> Result<Json<article::Model>, Problem> {
    let mut article = own(&db, id, &user).await?.into_active_model();
    change.title.into_iter().for_each(|title| article.title = Set(title));
    change.body.into_iter().for_each(|body| article.body = Set(body));
    change.state.into_iter().for_each(|state| article.state = Set(state));
    article.update(&db).await.map(Json).map_err(Problem::internal)
}

async fn remove(State(db): Db, Path(id): Path<i32>, user: User) -> Result<StatusCode, Problem> {
    own(&db, id, &user).await?.delete(&db).await.map_err(Problem::internal)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(db: &DatabaseConnection, id: i32) -> Result<article::Model, Problem> {
    let found = article::Entity::find_by_id(id).one(db).await.map_err(Problem::internal)?;
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND).detail(format!("no article {id}")))
}

async fn own(db: &DatabaseConnection, id: i32, user: &User) -> Result<article::Model, Problem> {
    let article = find(db, id).await?;
    let theirs = || Problem::new(StatusCode::FORBIDDEN).detail(format!("article {id} is by {}", article.author));
    if article.author == user.0 { Ok(article) } else { Err(theirs()) }
}

async fn make_table(db: &DatabaseConnection) -> Result<(), DbErr> {
    let schema = Schema::new(db.get_database_backend());
    db.execute(schema.create_table_from_entity(article::Entity).if_not_exists()).await.map(|_| ())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    demo::log_warnings();
    let stop = demo::stop_signal()?;
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".into());
    let address = ("127.0.0.1", port.parse::<u16>().with_context(|| format!("PORT={port}: expected a port"))?);
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://thorn.db".into());
    let listener = TcpListener::bind(address).await.with_context(|| format!("PORT={port} can't be used"))?;
    let address = listener.local_addr()?;
    let db = thorn::connect(&url).await.with_context(|| format!("DATABASE_URL={url}"))?;
    make_table(&db).await?;
    thorn::migrate(&db).await?;
    let inside = std::env::var("WORKER").as_deref() != Ok("external");
    // Started with nothing else, it brings a receiver of its own.
    let receiver =
        if inside && std::env::var_os("THORN_ALLOW_NETWORKS").is_none() { Some(demo::bind().await?) } else { None };
    let allowed = receiver.as_ref().and_then(|receiver| receiver.local_addr().ok());
    let thorn = Thorn::builder(db.clone()).config(Config::from_env()?).allow_addresses(allowed).build().await?;
    let worker = if inside { Some(thorn.start_worker().await?) } else { None };

    let articles = Router::new()
        .route("/articles/", post(create))
        .route("/articles/{id}/", get(show).patch(change).delete(remove))
        .with_state(db);
    let app = articles.merge(thorn::hooks::<User>(&thorn));
    demo::forget(&thorn).await?;
    println!("the blog is at http://{address}");
    match receiver {
        Some(receiver) => demo::start(&thorn, receiver, address).await?,
        None => demo::explain_subscribing(address),
    }
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    if let Some(worker) = worker {
        worker.stop().await?;
    }
    Ok(())
}
