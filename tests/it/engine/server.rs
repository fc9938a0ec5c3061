//! A running `thorn server`, and its callers.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use thorn_test_support::Place;

use crate::{
    app::eventually,
    blog::http::{self, Answer},
    process,
};

/// `thorn` with settings that suit tests and nothing else of the environment's.
pub(crate) fn thorn(database_url: &str) -> Command {
    process::program(Path::new(env!("CARGO_BIN_EXE_thorn")), database_url)
}

/// A server on a free port. Killed when dropped; then its log is shown if the test failed.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) place: Place,
}

/// A caller with a key.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    port: u16,
    key: String,
}

impl Server {
    /// With a worker inside, on a new database.
    pub(crate) async fn start() -> (Self, Caller) {
        Self::with(&[]).await
    }

    /// With these settings. Returns an operator who may do everything.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> (Self, Caller) {
        Self::on(Place::new().await, &[], settings).await.with_its_first_key()
    }

    /// With a limit of files and connections that it may have open.
    pub(crate) async fn with_files(limit: usize, settings: &[(&str, &str)]) -> (Self, Caller) {
        let place = Place::new().await;
        let command = process::limited(&Self::command(&place, &[], settings), limit, limit);
        Self::run(place, command).await.with_its_first_key()
    }

    fn with_its_first_key(self) -> (Self, Caller) {
        let key = self.said().into_iter().find(|line| line.starts_with("thk_")).expect("the first key");
        let operator = self.caller(key);
        (self, operator)
    }

    /// On this database.
    pub(crate) async fn on(place: Place, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let command = Self::command(&place, arguments, settings);
        Self::run(place, command).await
    }

    fn command(place: &Place, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
        let mut command = thorn(&place.url);
        command.args(["server", "--create"]).args(arguments).env("THORN_LISTEN", "127.0.0.1:0");
        command.envs(settings.iter().copied());
        command
    }

    async fn run(place: Place, mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (stderr, log) = (BufReader::new(child.stderr.take().unwrap()), Arc::<Mutex<Vec<String>>>::default());
        let said = log.clone();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).for_each(|line| said.lock().unwrap().push(line));
        });
        let mut server = Self { child, port: 0, log, place };
        server.port = eventually("the server's port", || {
            let said = server.said();
            let url = said.iter().find_map(|line| line.strip_prefix("thorn: listening on http://127.0.0.1:"));
            let port = url.map(|port| port.parse().unwrap()).ok_or_else(|| said.join("\n"));
            async { port }
        })
        .await;
        server
    }

    /// Everything on stderr so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn caller(&self, key: impl Into<String>) -> Caller {
        Caller { port: self.port, key: key.into() }
    }

    /// Makes a key with these scopes, of this owner or an operator's.
    pub(crate) fn key(&self, owner: Option<&str>, scopes: &str) -> Caller {
        let mut command = thorn(&self.place.url);
        command.args(["key", "create", "--scope", scopes]);
        if let Some(owner) = owner {
            command.args(["--owner", owner]);
        }
        let output = process::output(&mut command);
        assert!(output.status.success(), "{output:?}");
        self.caller(String::from_utf8(output.stdout).unwrap().trim())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        http::request(self.port, "GET", path, "", b"").await
    }

    /// The most memory that the process has had at once, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Place {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.place, Place::given(String::new()))
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = std::cell::RefCell::new(&mut self.child);
        eventually("the server's end", || async {
            child.borrow_mut().try_wait().unwrap().ok_or_else(|| "it runs".to_owned())
        })
        .await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- server:\n{}", self.said().join("\n"));
        }
    }
}

impl Caller {
    /// A caller of a server that somebody else has started.
    pub(crate) fn new(port: u16, key: impl Into<String>) -> Self {
        Self { port, key: key.into() }
    }

    /// The same caller at another port, behind which a proxy is.
    pub(super) fn at(&self, port: u16) -> Self {
        Self { port, key: self.key.clone() }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The key's header line.
    pub(crate) fn authorization(&self) -> String {
        format!("authorization: Bearer {}\r\n", self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        http::request(self.port, "GET", path, &self.authorization(), b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_with(path, "", body).await
    }

    /// With more header lines.
    pub(crate) async fn post_with(&self, path: &str, headers: &str, body: Value) -> Answer {
        let headers = format!("{}content-type: application/json\r\n{headers}", self.authorization());
        http::request(self.port, "POST", path, &headers, body.to_string().as_bytes()).await
    }

    /// Sends a request with a JSON body.
    pub(super) async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        let headers = format!("{}content-type: application/json\r\n", self.authorization());
        http::request(self.port, method, path, &headers, body.to_string().as_bytes()).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        http::request(self.port, "DELETE", path, &self.authorization(), b"").await
    }

    /// Publishes an event and returns its id.
    pub(crate) async fn publish(&self, body: Value) -> String {
        let answer = self.post("/events/", body).await.expect(201);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Subscribes a URL. Returns the id.
    pub(crate) async fn subscribe(&self, event: &str, url: &str) -> String {
        let body = serde_json::json!({ "event": event, "url": url });
        self.post("/hooks/", body).await.expect(201).json()["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the deliveries of an event are as wished.
    pub(crate) async fn deliveries(&self, event: &str, wished: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        eventually("deliveries as wished", || async {
            let answer = self.get(&format!("/events/{event}/deliveries")).await.expect(200).json();
            let Value::Array(rows) = answer else { panic!("{answer}") };
            if wished(&rows) { Ok(rows) } else { Err(format!("{rows:#?}")) }
        })
        .await
    }
}

/// Whether all of so many deliveries are in this state after so many attempts.
pub(crate) fn are(count: usize, state: &'static str, attempts: u64) -> impl Fn(&[Value]) -> bool {
    move |rows| rows.len() == count && rows.iter().all(|row| row["state"] == state && row["attempts"] == attempts)
}
