//! Dispatch of a committed event: by the queue, by the caller, by a custom dispatcher, or not at all.

mod application;
mod custom;
mod held;
mod inline;
mod transactions;

use thorn::{Config, Event};

use crate::{
    app::{self, TestApp},
    model::entities::article,
};

/// An application with articles and without a worker.
async fn application(config: Config) -> TestApp {
    let app = TestApp::with(config).await;
    app.create_table(article::Entity).await;
    app
}

async fn articles() -> TestApp {
    application(app::config()).await
}

fn event(name: &str) -> Event {
    Event::new(name).broadcast()
}

async fn unrelayed(app: &TestApp) -> u64 {
    app.thorn.status().await.unwrap().unrelayed
}

async fn stored(app: &TestApp) -> Vec<String> {
    app.text("SELECT name AS text FROM thorn_event ORDER BY id").await
}
