//! The worker as a program.

use std::process::Command;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::process::{self, WorkerProcess};

#[test]
fn the_worker_shows_its_settings_and_refuses_wrong_ones_by_name_and_value() {
    let help = process::output(process::command("sqlite::memory:").arg("--help"));
    assert!(help.status.success());
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for setting in ["DATABASE_URL", "THORN_ALLOW_NETWORKS", "THORN_EVENT_TIMEOUT", "THORN_TAKEOVER", "RUST_LOG"] {
        assert!(help.contains(setting), "{setting}: {help}");
    }

    let refusal = |command: &mut Command| {
        let output = process::output(command);
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let message = refusal(process::command("sqlite::memory:").env("THORN_EVENT_TIMEOUT", "soon"));
    assert!(message.contains("THORN_EVENT_TIMEOUT=soon: expected seconds"), "{message}");
    let hostile = "soon\u{9b}2J\u{202e}";
    let message = refusal(process::command("sqlite::memory:").env("THORN_EVENT_TIMEOUT", hostile));
    assert!(message.contains(r"soon\u{9b}2J\u{202e}"), "nothing acts on the terminal: {message:?}");
    assert!(!message.contains(['\u{9b}', '\u{202e}']), "{message:?}");
    let message = refusal(&mut process::command("sqlite:///no/such/folder/app.db?mode=rwc"));
    assert!(message.contains("sqlite:///no/such/folder/app.db") && message.contains("DATABASE_URL"), "{message}");
    let message = refusal(process::command("sqlite::memory:").env("THORN_ALLOW_NETWORK", "10.0.0.0/8"));
    assert!(message.contains("THORN_ALLOW_NETWORK: ") && message.contains("THORN_ALLOW_NETWORKS?"), "{message}");
    let message = refusal(&mut process::command("postgras://me:hunter2@db/app"));
    assert!(message.contains("postgras://me:") && message.contains("DATABASE_URL"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[tokio::test]
async fn the_worker_creates_no_file_and_no_table_before_it_knows_that_it_can_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    let url = format!("sqlite://{}", file.display());
    let refused = |command: &mut Command| {
        let output = process::output(command);
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let message = refused(&mut process::command(&url));
    assert!(message.contains("there is no file") && message.contains("--create"), "{message}");
    assert!(!file.exists());

    let mut wrong = process::command(&url);
    wrong.arg("--create").env("THORN_SUBSCRIBERS", "/no/such/file.json");
    let message = refused(&mut wrong);
    assert!(message.contains("/no/such/file.json"), "{message}");
    let db = thorn::connect(&url).await.unwrap();
    let tables = async || {
        let sql = "SELECT name FROM sqlite_master WHERE name LIKE 'thorn_%'";
        db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap().len()
    };
    assert_eq!(tables().await, 0, "nothing was migrated");

    let mut worker = WorkerProcess::start(&url);
    crate::app::eventually("thorn's tables", async || {
        let tables = tables().await;
        if tables > 0 { Ok(()) } else { Err("there are none".to_owned()) }
    })
    .await;
    worker.kill();
}
