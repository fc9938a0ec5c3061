//! Runs webhooksmith as its users do. `cargo bench --bench deliveries -- one many --peer` starts it.
//!
//! `prepare DATABASE_URL RECEIVER_URL EVENTS SUBSCRIPTIONS BODY` creates tables and endpoints and commits
//! the events. `work DATABASE_URL` delivers until it gets SIGTERM.

use std::{env, error::Error};

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use webhooksmith::{NewEndpoint, SqliteEngine, WebhookEngine};

/// webhooksmith requires at least 16 characters.
const SECRET: &str = "whsec-of-32-characters-and-no-more";

/// Events that a worker claims at once. It waits for all of them before it claims more. Measured
/// with 20, 50 (the default) and 100 (as in webhooksmith's own load tests); 100 was slightly faster.
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

/// Settings for throughput as webhooksmith's builder documents them: as many connections as concurrent
/// events. It doesn't wait for `poll_interval` while there is work. `allow_insecure_urls` allows loopback.
async fn postgres(database: &str) -> Result<WebhookEngine> {
    let engine = WebhookEngine::builder().database_url(database).allow_insecure_urls();
    Ok(engine.batch_size(BATCH.into()).max_connections(BATCH).build().await?)
}

/// The SQLite engine has no settings. It delivers one event after the other over one connection.
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
        // `broadcast` would commit each delivery and wait for the disk.
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
