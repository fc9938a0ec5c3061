//! webhooksmith as its users run it, started by `cargo bench --bench deliveries -- one many --peer`.
//!
//! `prepare DATABASE_URL RECEIVER_URL EVENTS SUBSCRIPTIONS BODY` makes tables and endpoints and commits
//! the events; `work DATABASE_URL` delivers until it is told to stop by SIGTERM.

use std::{env, error::Error};

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use webhooksmith::{NewEndpoint, SqliteEngine, WebhookEngine};

/// At least 16 characters are asked for.
const SECRET: &str = "whsec-of-32-characters-and-no-more";

/// Events a worker claims at once; it waits for all of them before it claims the next. Of 20, 50 (its
/// default) and 100 (its own tests under load), this was the fastest here, by little.
const BATCH: u32 = 100;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["prepare", database, receiver, events, subscriptions, body] => {
            let body = serde_json::from_str(body)?;
            prepare(database, receiver, events.parse()?, subscriptions.parse()?, &body).await
        }
        ["work", database] => work(database).await,
        _ => Err("prepare DATABASE_URL RECEIVER_URL EVENTS SUBSCRIPTIONS BODY | work DATABASE_URL".into()),
    }
}

/// Its settings for throughput, as its builder documents them: as many connections as events at once. It
/// never waits for `poll_interval` while there is work. Loopback is refused but for `allow_insecure_urls`.
async fn postgres(database: &str) -> Result<WebhookEngine> {
    let engine = WebhookEngine::builder().database_url(database).allow_insecure_urls();
    Ok(engine.batch_size(BATCH.into()).max_connections(BATCH).build().await?)
}

/// This one has no settings: it delivers one after the other, over one connection.
async fn sqlite(database: &str) -> Result<SqliteEngine> {
    Ok(SqliteEngine::builder().database_url(database).allow_insecure_urls().build().await?)
}

async fn prepare(database: &str, receiver: &str, events: usize, subscriptions: usize, body: &Value) -> Result<()> {
    let endpoint = |n: usize| NewEndpoint::new(format!("{receiver}{n}"), SECRET).events(["bench.*"]);
    if database.starts_with("sqlite") {
        let engine = sqlite(database).await?;
        engine.migrate().await?;
        let mut endpoints = Vec::new();
        for n in 0..subscriptions {
            endpoints.push(engine.register_with(endpoint(n)).await?.id);
        }
        // `broadcast` would commit, and wait for the disk, for each delivery.
        let mut transaction = engine.pool().begin().await?;
        for _ in 0..events {
            for endpoint in &endpoints {
                engine.send_in_tx("bench.sent", body.clone(), *endpoint, &mut transaction).await?;
            }
        }
        transaction.commit().await?;
    } else {
        let engine = postgres(database).await?;
        engine.migrate().await?;
        for n in 0..subscriptions {
            engine.register_with(endpoint(n)).await?;
        }
        let mut transaction = engine.pool().begin().await?;
        for _ in 0..events {
            engine.broadcast_in_tx("bench.sent", body.clone(), &mut transaction).await?;
        }
        transaction.commit().await?;
    }
    Ok(())
}

async fn work(database: &str) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let stopped = async move {
        terminate.recv().await;
    };
    if database.starts_with("sqlite") {
        sqlite(database).await?.run_graceful(stopped).await;
    } else {
        postgres(database).await?.run_graceful(stopped).await;
    }
    Ok(())
}
