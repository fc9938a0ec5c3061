//! The worker as a program.

use std::process::Command;

use crate::process;

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
    let message = refusal(&mut process::command("sqlite:///no/such/folder/app.db"));
    assert!(message.contains("sqlite:///no/such/folder/app.db") && message.contains("DATABASE_URL"), "{message}");
    let message = refusal(&mut process::command("postgras://me:hunter2@db/app"));
    assert!(message.contains("postgras://me:") && message.contains("DATABASE_URL"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}
