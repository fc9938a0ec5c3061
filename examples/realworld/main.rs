//! cargo run --example realworld
//!
//! A social blog whose every write is one of SeaORM's builder statements, such as `Entity::insert(..).exec(db)`.
//! It knew nothing of webhooks when it was written. Attributes in `entities.rs` were added, and the lines about
//! thorn in `main`.
//!
//! Settings: `PORT` (default 3001), `DATABASE_URL` (default `sqlite://realworld.db`), and thorn's own.

use anyhow::Context as _;
use sea_orm::EntityTrait;
use thorn::{Caller, Config, Thorn, subscription::Access};

#[path = "app.rs"]
mod app;

use app::User;

/// Users subscribe to the events that they caused.
impl Caller for User {
    fn access(&self) -> Access<'_> {
        Access::Owner(&self.owner)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "3001".into());
    let port = port.parse::<u16>().with_context(|| format!("PORT={port}: expected a port"))?;
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://realworld.db".into());
    let db = thorn::connect(&url).await.with_context(|| format!("DATABASE_URL={url}"))?;
    app::create_tables(&db).await?;

    thorn::migrate(&db).await?;
    let thorn = Thorn::builder(db.clone()).config(Config::from_env()?).build().await?;
    let worker = thorn.start_worker().await?;

    let users = app::entities::user::Entity::find().all(&db).await?.len();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{users} users, at http://{}", listener.local_addr()?);
    let served = app::routes(db).merge(thorn::hooks::<User>(&thorn));
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    // `axum::serve` waits without limit for the head of a request. In production, put a proxy with time-outs in front of it,
    // as `docs/guide/getting_started.md` says.
    axum::serve(listener, served).with_graceful_shutdown(stop).await?;
    worker.stop().await?;
    Ok(())
}
