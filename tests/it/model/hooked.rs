//! Statements that run the entity's own hooks: `with_hooks()`.

mod deleting;
mod entities;
mod failing;
mod inserting;
mod updating;

use std::future::Future;

use entities::{audit, task};
use sea_orm::{EntityTrait, QueryOrder};

use crate::app::TestApp;

async fn database() -> TestApp {
    TestApp::new().await.table(task::Entity).await.table(audit::Entity).await
}

/// Tasks with these titles and states, which no event and no audit row tells of.
async fn with_tasks(tasks: &[(&str, &str)]) -> TestApp {
    let test = database().await;
    let rows = tasks
        .iter()
        .map(|(title, state)| task::ActiveModel { state: sea_orm::Set((*state).to_owned()), ..task::row(title) });
    thorn::without_events(async { task::Entity::insert_many(rows).exec(test.db()).await.unwrap() }).await;
    test
}

/// Title, state and revision of each task.
async fn tasks(test: &TestApp) -> Vec<(String, String, i32)> {
    let rows = task::Entity::find().order_by_asc(task::Column::Id).all(test.db()).await.unwrap();
    rows.into_iter().map(|row| (row.title, row.state, row.revision)).collect()
}

/// The events in their order: the name, and the title or the line.
async fn events(test: &TestApp) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let written = test.written().await.into_iter().map(|event| {
        let data = &event.body["data"];
        format!("{} {}", event.name, text(&data["title"]).or_else(|| text(&data["line"])).unwrap())
    });
    written.collect()
}

/// An application may spawn each of them, and hooks may run statements with hooks, so the futures must be small.
fn spawnable<F: Future + Send>(work: F) -> F {
    assert!(size_of::<F>() < 8192, "{}", size_of::<F>());
    work
}
