//! Servers of a test's own, to be crashed and started again: PostgreSQL, which syncs every commit to
//! the disk, and Redis, which keeps nothing.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use thorn_test_support::{missing, skipped};

use crate::app::PATIENCE;

/// The URL of a server; `None` if there is none, which it says.
pub(super) fn variable(name: &str, compiled: bool) -> Option<String> {
    let url = std::env::var(name).ok().filter(|_| compiled);
    if url.is_none() {
        skipped(&format!("a fault that needs a server is tested with {name} set and --all-features"));
    }
    url
}

pub(super) struct Server {
    kind: Kind,
    folder: tempfile::TempDir,
    port: u16,
    running: Option<Child>,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Postgres { bin: PathBuf },
    Redis,
}

/// A program that must be there where all is tested, and may be missing elsewhere.
pub(crate) fn found(what: &str, program: Option<PathBuf>) -> Option<PathBuf> {
    if program.is_none() {
        missing(&format!("{what} isn't installed, so nothing can be restarted"));
    }
    program
}

pub(crate) fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// PostgreSQL's programs: Debian keeps them out of the path.
pub(crate) fn postgres_bin() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = debian.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).max();
    newest.or_else(|| Some(in_path("initdb")?.parent()?.to_owned()))
}

/// PostgreSQL refuses to run as root.
pub(crate) fn as_user(user: &str, program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let (uid, gid) = (format!("--reuid={user}"), format!("--regid={user}"));
    command.args([&uid, &gid, "--init-groups", "--pdeathsig", "KILL", "--"]).arg(program);
    command
}

pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}

impl Server {
    pub(super) async fn postgres() -> Option<Self> {
        let bin = found("PostgreSQL", postgres_bin())?;
        let mut server = Self::in_folder(Kind::Postgres { bin: bin.clone() }, "postgres");
        let made = as_user("postgres", &bin.join("initdb"))
            .args(["--username=thorn", "--auth=trust", "--encoding=UTF8", "--no-sync", "-D"])
            .arg(server.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.start().await;
        Some(server)
    }

    pub(super) async fn redis() -> Option<Self> {
        found("Redis", in_path("redis-server"))?;
        let mut server = Self::in_folder(Kind::Redis, "redis");
        server.start().await;
        Some(server)
    }

    fn in_folder(kind: Kind, user: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            assert!(Command::new("chown").arg(user).arg(folder.path()).status().unwrap().success());
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        Self { kind, folder, port, running: None }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn url(&self) -> String {
        match self.kind {
            Kind::Postgres { .. } => format!("postgres://thorn@127.0.0.1:{}/postgres", self.port),
            Kind::Redis => format!("redis://127.0.0.1:{}/", self.port),
        }
    }

    /// Starts it and waits until it answers.
    pub(super) async fn start(&mut self) {
        let port = self.port.to_string();
        let mut command = match &self.kind {
            Kind::Postgres { bin } => {
                let mut command = as_user("postgres", &bin.join("postgres"));
                command.args(["-h", "127.0.0.1", "-c", "fsync=on", "-c", "max_connections=200", "-p", &port, "-k"]);
                command.arg(self.folder.path()).arg("-D").arg(self.data());
                command
            }
            Kind::Redis => {
                let mut command = as_user("redis", Path::new("redis-server"));
                command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port, "--dir"]);
                command.arg(self.folder.path());
                command
            }
        };
        let log = std::env::temp_dir().join(format!("thorn-server-{}-{port}.log", std::process::id()));
        let (out, err) = (File::create(&log).unwrap(), File::options().append(true).open(&log).unwrap());
        self.running = Some(command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap());
        let started = Instant::now();
        while !self.answers().await {
            let ended = self.running.as_mut().unwrap().try_wait().unwrap();
            let told = || fs::read_to_string(&log).unwrap_or_default();
            assert!(ended.is_none() && started.elapsed() < PATIENCE, "{:?}: {}", self.kind, told());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = fs::remove_file(log);
    }

    async fn answers(&self) -> bool {
        match self.kind {
            Kind::Postgres { .. } => match thorn::connect(&self.url()).await {
                Ok(db) => db.close().await.is_ok(),
                Err(_) => false,
            },
            Kind::Redis => TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok(),
        }
    }

    /// A command to Redis, which must take it.
    pub(super) fn say(&self, words: &[&str]) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(command.as_bytes()).unwrap();
        let mut answer = [0];
        stream.read_exact(&mut answer).unwrap();
        assert_ne!(answer, *b"-", "{words:?}");
    }

    /// Sends it a signal and waits for its end: for PostgreSQL, `QUIT` is a crash and `INT` a restart
    /// that waits for nobody; Redis loses everything with any.
    pub(super) async fn stop(&mut self, signal: &str) {
        let mut child = self.running.take().unwrap();
        let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < PATIENCE, "{:?} didn't stop", self.kind);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut child) = self.running.take() else { return };
        // Its own children end with it, which killing it wouldn't do.
        let signal = if self.kind == Kind::Redis { "-KILL" } else { "-QUIT" };
        let _ = Command::new("kill").args([signal, &child.id().to_string()]).status();
        let _ = child.wait();
    }
}
