//! Workers as processes of their own, which can be killed and told to stop.

use std::{
    fs::{File, read_to_string},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::app;

/// After this many seconds of silence a worker loses its tasks.
pub(crate) const TAKEOVER: u64 = 2;

/// `cargo run --bin worker` with settings that suit tests and nothing else of the environment's.
pub(crate) fn command(database_url: &str) -> Command {
    program(Path::new(env!("CARGO_BIN_EXE_worker")), database_url)
}

/// The same for another program.
pub(crate) fn program(program: &Path, database_url: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("THORN_")) {
        command.env_remove(name);
    }
    command
        .env("DATABASE_URL", database_url)
        .env("THORN_ALLOW_NETWORKS", "127.0.0.0/8")
        .env("THORN_TAKEOVER", TAKEOVER.to_string())
        .env("THORN_AUDIT_AFTER", "1")
        .env("THORN_POLL_INTERVAL", "0.02")
        .env("THORN_RETRY_DELAY", "0.1")
        .env("THORN_HOLD_AFTER", "none")
        .env("NO_COLOR", "1")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null());
    if database_url.starts_with("mysql:") {
        command.env("THORN_QUEUE_URL", "memory:");
    }
    command
}

/// The same command with limits of the files and connections that the program may have open.
pub(crate) fn limited(command: &Command, soft: usize, hard: usize) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"")]);
    limited.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// Runs a program to its end, which must come by itself.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// A running worker. Killed when dropped; then its log is shown if the test failed.
pub(crate) struct WorkerProcess {
    child: Child,
    log: PathBuf,
    _dir: tempfile::TempDir,
}

impl WorkerProcess {
    pub(crate) fn start(database_url: &str) -> Self {
        Self::spawn(&mut command(database_url))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self::spawn_with(command, |log| File::create(log).unwrap().into())
    }

    /// With this in place of its log.
    pub(crate) fn spawn_logging_to(command: &mut Command, stderr: Stdio) -> Self {
        Self::spawn_with(command, |_| stderr)
    }

    fn spawn_with(command: &mut Command, stderr: impl FnOnce(&Path) -> Stdio) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join(format!("worker-{}.log", STARTED.fetch_add(1, Ordering::Relaxed)));
        let child = command.stdout(Stdio::null()).stderr(stderr(&log)).spawn().unwrap();
        Self { child, log, _dir: dir }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The prefix of the names under which it locks tasks.
    pub(crate) fn name(&self) -> String {
        format!("thorn-{}-", self.child.id())
    }

    /// `kill -9`: no destructor runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "the worker had ended by itself: {}", self.log());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// How it ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = std::cell::RefCell::new(&mut self.child);
        app::eventually("the worker's end", || async {
            child.borrow_mut().try_wait().unwrap().ok_or_else(|| "it runs".to_owned())
        })
        .await
    }

    pub(crate) fn log(&self) -> String {
        read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().filter(|line| !line.contains("DEBUG")).take(40).collect();
            eprintln!("--- worker {}:", self.child.id());
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}
