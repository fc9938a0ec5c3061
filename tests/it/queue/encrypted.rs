//! `rediss://`: a Redis of the test's own that speaks TLS only, and a worker that must trust it.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use thorn::Event;
use thorn_test_support::{missing, skipped};

use crate::{
    app::{self, PATIENCE, TestApp},
    process::{self, WorkerProcess},
};

struct EncryptedRedis {
    server: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl EncryptedRedis {
    /// `None`, and it is said, where other tests have no Redis either.
    async fn start() -> Option<Self> {
        if std::env::var_os("THORN_TEST_REDIS_URL").is_none() || !cfg!(feature = "redis") {
            skipped("rediss:// is tested with THORN_TEST_REDIS_URL set and the feature `redis`");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--tls-port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--tls-auth-clients", "no", "--tls-cert-file"]).arg(&certificate);
        command.arg("--tls-ca-cert-file").arg(&certificate).arg("--tls-key-file").arg(&key);
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        let Ok(server) = command.spawn() else {
            missing("redis-server isn't installed");
            return None;
        };
        app::eventually("an encrypted Redis", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(|error| error.to_string())
        })
        .await;
        Some(Self { server, port, folder })
    }

    fn worker(&self, database_url: &str) -> Command {
        let mut command = process::command(database_url);
        command.env("THORN_QUEUE_URL", format!("rediss://localhost:{}/", self.port));
        command
    }
}

impl Drop for EncryptedRedis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_go_by_an_encrypted_redis_that_is_trusted_and_by_no_other() {
    let Some(redis) = EncryptedRedis::start().await else { return };
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let mut stranger = WorkerProcess::spawn(redis.worker(&app.url).env_remove("SSL_CERT_FILE"));
    let ended = tokio::time::timeout(Duration::from_secs(60), stranger.ended()).await.unwrap();
    let log = stranger.log();
    assert!(!ended.success() && log.contains("rediss://localhost"), "{log}");

    let trusted = redis.folder.path().join("certificate.pem");
    let mut worker = WorkerProcess::spawn(redis.worker(&app.url).env("SSL_CERT_FILE", trusted));
    for n in 0..20 {
        Event::new("a.b").broadcast().send(app.db(), &n).await.unwrap();
    }
    receiver.wait_for(20, PATIENCE).await.unwrap();
    app.settled().await;
    worker.terminate();
    assert!(worker.ended().await.success());
}
