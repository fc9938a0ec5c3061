//! The PgBouncer that is installed here.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    app::eventually,
    faults::server::{as_user, found, in_path, is_root},
};

/// A running PgBouncer. It ends when this is dropped.
pub(super) struct Bouncer {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

fn program() -> Option<PathBuf> {
    let debian = Some(PathBuf::from("/usr/sbin/pgbouncer")).filter(|file| file.is_file());
    found("PgBouncer", debian.or_else(|| in_path("pgbouncer")))
}

/// Its version; `None` if it isn't installed, which is reported.
pub(super) fn version() -> Option<(u32, u32)> {
    let output = Command::new(program()?).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (major, rest) = text.lines().next()?.strip_prefix("PgBouncer ")?.split_once('.')?;
    Some((major.parse().unwrap(), rest.split('.').next()?.parse().unwrap()))
}

impl Bouncer {
    /// In front of the server of this URL. `None` if it isn't installed, which is reported.
    pub(super) async fn start(url: &str, settings: &str) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = url.split_once('@').unwrap().1.split_once('/').unwrap().0.rsplit_once(':').unwrap().1;
        let file = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=thorn\n[pgbouncer]\nlisten_addr=127.0.0.1\n\
             listen_port={port}\nunix_socket_dir=\nauth_type=any\ndefault_pool_size=30\n{settings}\n"
        );
        fs::write(&file, text).unwrap();
        if is_root() {
            assert!(Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status().unwrap().success());
        }
        let mut command = as_user("postgres", Path::new(&program));
        let child =
            command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually("PgBouncer's answer", || async {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map(drop).map_err(|error| error.to_string())
        })
        .await;
        Some(Self { child, port, _folder: folder })
    }

    /// The URL of the same database through PgBouncer.
    pub(super) fn url(&self, direct: &str) -> String {
        let (user, place) = direct.split_once('@').unwrap();
        format!("{user}@127.0.0.1:{}/{}", self.port, place.split_once('/').unwrap().1)
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
