//! Who takes an event once it is committed: the queue, the caller, a dispatcher of its own, nobody.

mod application;
mod custom;
mod held;
mod inline;
mod transactions;

use thorn::{Config, Event};

use crate::{
    app::{self, App},
    model::entities::article,
};

/// An application with articles and without a worker.
async fn application(config: Config) -> App {
    let app = App::with(config).await;
    app.create_table(article::Entity).await;
    app
}

async fn articles() -> App {
    application(app::config()).await
}

fn event(name: &str) -> Event {
    Event::new(name).broadcast()
}

async fn unrelayed(app: &App) -> u64 {
    app.thorn.status().await.unwrap().unrelayed
}

async fn stored(app: &App) -> Vec<String> {
    app.text("SELECT name AS text FROM thorn_event ORDER BY id").await
}
