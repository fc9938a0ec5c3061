//! `thorn::watch`: triggers find what went past the hooks.

// SeaORM derives far more for an entity than a test uses, and public.
#![allow(dead_code, unreachable_pub)]

mod after_the_fact;
mod entities;
mod keys;
mod net;
mod past_the_hooks;
mod reports;
mod triggers;

use thorn::watch::{Watch, install, unannounced};

use crate::app::TestApp;
use entities::{comment, post};

/// A database with posts and their comments, whose notes are collected and count at once.
async fn watched() -> TestApp {
    let app = blog().await;
    install(app.db(), Watch::collect().model::<post::Entity>().model::<comment::Entity>()).await.unwrap();
    app
}

/// The same without triggers.
async fn blog() -> TestApp {
    let app = TestApp::new().await.table(post::Entity).await;
    comment::create_table(&app).await;
    app
}

/// The unannounced changes, each in one line.
async fn found(app: &TestApp) -> Vec<String> {
    unannounced(app.db()).await.unwrap().iter().map(ToString::to_string).collect()
}
