//! The server behind nginx, as Debian installs it and with its default buffering.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;
use tokio::time::timeout;

use super::{
    server::Server,
    streams::{Lines, SSE},
};
use crate::{
    app::eventually,
    faults::server::{found, in_path},
};

/// A running nginx. It ends when this is dropped.
struct Nginx {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

fn program() -> Option<PathBuf> {
    let debian = Some(PathBuf::from("/usr/sbin/nginx")).filter(|file| file.is_file());
    found("nginx", debian.or_else(|| in_path("nginx")))
}

impl Nginx {
    /// In front of the server on this port. `settings` are those of its only location.
    async fn before(port: u16, settings: &str) -> Option<Self> {
        let (program, folder) = (program()?, tempfile::tempdir().unwrap());
        let own = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let file = folder.path().join("nginx.conf");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|kind| format!("{kind}_temp_path {kind};")).concat();
        let text = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr;\n\
             events {{}}\n\
             http {{ access_log off; {temporary}\n\
             server {{ listen 127.0.0.1:{own}; location / {{ proxy_pass http://127.0.0.1:{port}; {settings} }} }} }}\n"
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file).args(["-e", "stderr"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let nginx = Self { child, port: own, _folder: folder };
        eventually("nginx's answer", || async {
            TcpStream::connect((Ipv4Addr::LOCALHOST, own)).map(drop).map_err(|error| error.to_string())
        })
        .await;
        Some(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The data of the next event of a stream.
async fn next_data(stream: &mut Lines) -> String {
    loop {
        let line = stream.next().await.expect("an event");
        if let Some(data) = line.strip_prefix("data: ") {
            return data.to_owned();
        }
        if line.starts_with('{') {
            return line;
        }
    }
}

#[tokio::test]
async fn br24_behind_nginx_with_default_buffering_events_arrive_singly() {
    let (server, operator) = Server::start().await;
    let Some(nginx) = Nginx::before(server.port, "").await else { return };
    for (name, headers) in [("a.sse", SSE), ("a.lines", "")] {
        let mut stream = Lines::open(&operator.at(nginx.port), &format!("/stream?topic={name}"), headers).await;
        for n in 0..3 {
            // The next one is published only after this one has come.
            operator.publish(json!({ "event": name, "data": n })).await;
            let event: serde_json::Value = serde_json::from_str(&next_data(&mut stream).await).unwrap();
            assert_eq!((&event["event"], &event["data"]), (&json!(name), &json!(n)));
        }
    }
    // Other requests pass as well. nginx puts its own address into `Location`.
    let answer = operator.at(nginx.port).post("/events/", json!({ "event": "a.b", "data": 1 })).await.expect(201);
    assert!(answer.header("location").starts_with(&format!("http://127.0.0.1:{}/events/", nginx.port)), "{answer:?}");
}

/// Shows that the test above can fail.
#[tokio::test]
async fn an_nginx_that_doesn_t_heed_the_server_s_header_holds_events_back() {
    let (server, operator) = Server::start().await;
    let Some(nginx) = Nginx::before(server.port, "proxy_ignore_headers X-Accel-Buffering;").await else { return };
    let opening = async {
        let mut stream = Lines::open(&operator.at(nginx.port), "/stream?topic=a.b", SSE).await;
        next_data(&mut stream).await
    };
    let publishing = async {
        loop {
            operator.publish(json!({ "event": "a.b", "data": 1 })).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let waited = timeout(Duration::from_secs(2), async {
        tokio::select! {
            data = opening => data,
            () = publishing => unreachable!("it goes on"),
        }
    });
    assert!(waited.await.is_err(), "nginx holds small events back until its buffer is full");
}
