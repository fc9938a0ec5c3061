//! A program under test: its output line by line, and the end of it.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use tokio::sync::mpsc;

use crate::app::{PATIENCE, eventually};

/// Killed when dropped.
pub(crate) struct Process {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Process {
    /// Starts a program with these settings and none of the surroundings'.
    pub(super) fn start(program: &Path, settings: &[(&str, &str)], stderr: Stdio) -> Self {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("THORN_") || ["PORT", "WORKER", "DATABASE_URL", "RUST_LOG"].contains(&&*text) {
                command.env_remove(&name);
            }
        }
        command.env("RUST_LOG", "warn").envs(settings.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(stderr);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let output = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        Self { child, lines }
    }

    /// The next line of its output that begins like this, without the beginning, and all lines before it.
    pub(super) async fn says(&mut self, beginning: &str) -> (String, Vec<String>) {
        let mut before = Vec::new();
        let found = async {
            while let Some(line) = self.lines.recv().await {
                if let Some(rest) = line.strip_prefix(beginning) {
                    return Some(rest.to_owned());
                }
                before.push(line);
            }
            None
        };
        let found = tokio::time::timeout(PATIENCE, found).await.ok().flatten();
        let found = found.unwrap_or_else(|| panic!("it didn't say {beginning:?}, but {before:#?}"));
        (found, before)
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let child = &mut self.child;
        eventually("the end of the program", || {
            let ended = child.try_wait().unwrap().ok_or_else(|| "it runs".to_owned());
            async { ended }
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An example's program: cargo builds it with the tests, next to them.
pub(super) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().with_file_name("examples").join(name);
    assert!(program.exists(), "{} isn't there; `cargo test` builds it, or `cargo build --examples`", program.display());
    program
}
