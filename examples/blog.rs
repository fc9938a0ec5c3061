//! cargo run --example blog
//!
//! A blog that sends webhooks about its articles.
//!
//! Settings: `PORT` (default 3000), `DATABASE_URL` (default `sqlite://thorn.db`), `THORN_ALLOW_NETWORKS`
//! (default none) and `WORKER=external`, if you run the worker yourself with `cargo run --bin worker`.

use anyhow::Context as _;
use axum::{
    Router,
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use thorn::{Caller, Config, Thorn, Unauthenticated, subscription::Access};
use tokio::net::TcpListener;

#[path = "blog/articles.rs"]
mod articles;
#[path = "blog/demo.rs"]
mod demo;
#[path = "blog/models.rs"]
mod models;
#[path = "blog/tags.rs"]
mod tags;

/// The user in `Authorization: Bearer alice`. There are no passwords, because this is only an example.
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

impl Caller for User {
    fn access(&self) -> Access<'_> {
        Access::Owner(&self.0)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    demo::log_warnings();
    let stop = thorn::worker::stop_signal()?;
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".into());
    let address = ("127.0.0.1", port.parse::<u16>().with_context(|| format!("PORT={port}: expected a port"))?);
    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://thorn.db".into());
    let listener = TcpListener::bind(address).await.with_context(|| format!("can't listen on PORT={port}"))?;
    let address = listener.local_addr()?;
    let db = thorn::connect(&url).await.context("DATABASE_URL")?; // the message has the URL without its password
    models::create_tables(&db).await?;
    thorn::migrate(&db).await?;
    let has_worker = std::env::var("WORKER").as_deref() != Ok("external");
    // Without a worker or receiver elsewhere, the blog starts its own receiver.
    let receiver = if has_worker && std::env::var_os("THORN_ALLOW_NETWORKS").is_none() {
        Some(demo::bind_receiver().await?)
    } else {
        None
    };
    let allowed = receiver.as_ref().and_then(|receiver| receiver.local_addr().ok());
    let thorn = Thorn::builder(db.clone()).config(Config::from_env()?).allow_addresses(allowed).build().await?;
    let worker = if has_worker { Some(thorn.start_worker().await?) } else { None };

    let blog = Router::new().merge(articles::routes()).merge(tags::routes()).with_state(db);
    let app = blog.merge(thorn::hooks::<User>(&thorn));
    demo::remove_old_subscription(&thorn).await?;
    demo::say(&format!("the blog is at http://{address}"));
    let receiving = match receiver {
        Some(receiver) => demo::start_receiver(&thorn, receiver, address).await?,
        None => {
            demo::explain_subscribing(address);
            tokio::spawn(std::future::pending())
        }
    };
    // `axum::serve` waits without limit for the head of a request. In production, put a proxy with time-outs in front of it,
    // as `docs/guide/getting_started.md` says.
    tokio::select! {
        served = axum::serve(listener, app).with_graceful_shutdown(stop) => served?,
        ended = receiving => anyhow::bail!("the blog's own receiver has ended: {ended:?}"),
    }
    if let Some(worker) = worker {
        worker.stop().await?;
    }
    Ok(())
}
