//! The application's choice holds for the whole process, so each choice is tested in a process of its own.

use std::process::Command;

use thorn::{Config, Dispatch};

use super::{application, event, stored, unrelayed};
use crate::{app, model::entities::article::draft};

/// Set in the process that tries one choice.
const CHOICE: &str = "TEST_DISPATCH";

#[tokio::test(flavor = "multi_thread")]
async fn thorn_121_the_application_chooses_for_every_event() {
    if let Ok(choice) = std::env::var(CHOICE) {
        return choose(&choice).await;
    }
    for choice in ["queue", "inline", "disabled"] {
        let name = "dispatch::application::thorn_121_the_application_chooses_for_every_event";
        let mut process = Command::new(std::env::current_exe().unwrap());
        let output = process.args(["--exact", name]).env(CHOICE, choice).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains("1 passed"), "{choice}: {printed}");
    }
}

async fn choose(choice: &str) {
    let config = Config::from_lookup(&|name| (name == "THORN_DISPATCHER").then(|| choice.to_owned())).unwrap();
    let app = application(Config { dispatch: config.dispatch, ..app::config() }).await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    let article = draft("a").insert(app.db()).await.unwrap();
    event("by.hand").send(app.db(), &()).await.unwrap();
    article.delete(app.db()).await.unwrap();
    let (arrived, waiting, rows) = match choice {
        "queue" => (0, 3, 3),
        "inline" => (3, 0, 3),
        _ => (0, 0, 0),
    };
    assert_eq!((receiver.received().len(), unrelayed(&app).await, stored(&app).await.len()), (arrived, waiting, rows));
    // An event's own choice goes first.
    event("own.choice").dispatch(Dispatch::Inline).send(app.db(), &()).await.unwrap();
    event("own.choice").dispatch(Dispatch::Disabled).send(app.db(), &()).await.unwrap();
    assert_eq!((receiver.received().len(), stored(&app).await.len()), (arrived + 1, rows + 1));
}
