//! The program `thorn server`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

/// A running server with a worker inside. Dropping it kills the process.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// A key that may do everything.
    pub(crate) key: String,
}

impl Server {
    /// On this database, which had no server before.
    pub(crate) fn start(database_url: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_thorn"));
        command
            .arg("server")
            .env("DATABASE_URL", database_url)
            .env("THORN_ALLOW_NETWORKS", "127.0.0.0/8")
            .env("THORN_LISTEN", "127.0.0.1:0")
            .env("THORN_STREAMS", "20000")
            .env("THORN_STREAMS_PER_KEY", "20000")
            .env("THORN_STREAMS_PER_SOURCE", "20000")
            .env("RUST_LOG", "error");
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let (mut port, mut key) = (None, None);
        let lines = BufReader::new(child.stderr.take().context("the server has no stderr")?).lines();
        for line in lines {
            let line = line?;
            if line.starts_with("thk_") {
                key = Some(line);
            } else if let Some(listening) = line.strip_prefix("thorn: listening on http://127.0.0.1:") {
                port = Some(listening.parse()?);
                break;
            }
        }
        let (port, key) = (port.context("the server names no port")?, key.context("the server made no key")?);
        Ok(Self { child, port, key })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
