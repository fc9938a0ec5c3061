//! Servers that demand TLS, with a certificate of a private authority.

use std::{
    fs::{self, File, Permissions},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use thorn_test_support::{Place, eventually};

use crate::{
    app::{PATIENCE, TestApp, config},
    faults::server::{as_user, found, in_path, is_root, postgres_bin},
    process::{self, WorkerProcess},
};

/// A running server. It ends when this is dropped.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Server {
    /// PostgreSQL without unencrypted connections.
    async fn postgres() -> Option<Self> {
        let bin = found("PostgreSQL", postgres_bin())?;
        let folder = with_certificate("postgres");
        let data = folder.path().join("data");
        let mut make = as_user("postgres", &bin.join("initdb"));
        run(make.args(["--username=thorn", "--auth=trust", "--encoding=UTF8", "--no-sync", "-D"]).arg(&data));
        fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
        let mut command = as_user("postgres", &bin.join("postgres"));
        command.args(["-h", "127.0.0.1", "-c", "fsync=off", "-c", "ssl=on", "-c"]);
        command.arg(format!("ssl_cert_file={}", folder.path().join("server.pem").display())).arg("-c");
        command.arg(format!("ssl_key_file={}", folder.path().join("server.key").display()));
        command.arg("-k").arg(folder.path()).arg("-D").arg(&data);
        Some(Self::start(command, "-p", folder, "postgres://thorn@localhost:{port}/postgres?sslmode=require").await)
    }

    /// MariaDB without unencrypted connections.
    async fn mariadb() -> Option<Self> {
        found(
            "MariaDB",
            in_path("mariadbd").or_else(|| Some(PathBuf::from("/usr/sbin/mariadbd"))).filter(|it| it.is_file()),
        )?;
        let folder = with_certificate("mysql");
        let path = |name: &str| folder.path().join(name);
        let mut make = as_user("mysql", Path::new("mariadb-install-db"));
        run(make.args(["--no-defaults", "--skip-test-db"]).arg(format!("--datadir={}", path("data").display())));
        let users =
            "CREATE USER thorn@'%' IDENTIFIED BY 'thorn';\nGRANT ALL ON *.* TO thorn@'%';\nCREATE DATABASE app;\n";
        fs::write(path("users.sql"), users).unwrap();
        let mut command = as_user("mysql", Path::new("mariadbd"));
        command.args(["--no-defaults", "--bind-address=127.0.0.1", "--require-secure-transport=ON"]);
        for (option, name) in [
            ("datadir", "data"),
            ("socket", "socket"),
            ("pid-file", "pid"),
            ("init-file", "users.sql"),
            ("ssl-cert", "server.pem"),
            ("ssl-key", "server.key"),
        ] {
            command.arg(format!("--{option}={}", path(name).display()));
        }
        Some(Self::start(command, "--port", folder, "mysql://thorn:thorn@localhost:{port}/app?ssl-mode=REQUIRED").await)
    }

    /// Starts it and waits until it answers.
    async fn start(mut command: Command, option: &str, folder: tempfile::TempDir, url: &str) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let log = folder.path().join("log");
        let (out, err) = (File::create(&log).unwrap(), File::options().append(true).open(&log).unwrap());
        let child = command.arg(option).arg(port.to_string()).stdin(Stdio::null()).stdout(out).stderr(err);
        let server = Self { child: child.spawn().unwrap(), folder, port };
        let url = url.replace("{port}", &port.to_string());
        eventually("the server's answer", || async {
            let told = || fs::read_to_string(&log).unwrap_or_default();
            let db = thorn::connect(&url).await.map_err(|error| format!("{error}: {}", told()))?;
            db.close().await.map_err(|error| error.to_string())
        })
        .await;
        server
    }

    /// The URL with these parameters. `{ca}` is the authority's file.
    fn url(&self, scheme: &str, host: &str, parameters: &str) -> String {
        let ca = self.folder.path().join("ca.pem").display().to_string();
        let (user, name) = if scheme == "postgres" { ("thorn", "postgres") } else { ("thorn:thorn", "app") };
        format!("{scheme}://{user}@{host}:{}/{name}?{}", self.port, parameters.replace("{ca}", &ca))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // `QUIT` ends PostgreSQL's children, too.
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A folder of this user with a certificate for `localhost` (`server.pem`, `server.key`), its authority (`ca.pem`), and
/// another authority (`other.pem`).
fn with_certificate(user: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    let authority = || {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), Issuer::new(params, key))
    };
    let (ca, issuer) = authority();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    write("ca.pem", ca);
    write("other.pem", authority().0);
    write("server.pem", leaf.pem());
    write("server.key", key.serialize_pem());
    fs::set_permissions(folder.path().join("server.key"), Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    if is_root() {
        run(Command::new("chown").arg("-R").arg(user).arg(folder.path()));
    }
    folder
}

/// Connects, and returns the cipher of the connection.
async fn cipher(url: &str) -> Result<String, String> {
    let db = thorn::connect(url).await.map_err(|error| error.to_string())?;
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => "SELECT cipher AS value FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        _ => "SELECT variable_value AS value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
    };
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await.unwrap().unwrap();
    db.close().await.unwrap();
    Ok(row.try_get::<Option<String>>("", "value").unwrap().unwrap_or_default())
}

/// Each URL connects with TLS, or is refused with this text.
async fn assert_connections(server: &Server, scheme: &str, cases: &[(&str, &str, Result<(), &str>)]) {
    for (host, parameters, expected) in cases {
        let url = server.url(scheme, host, parameters);
        match (cipher(&url).await, expected) {
            (Ok(cipher), Ok(())) => assert_ne!(cipher, "", "{url}"),
            (Err(error), Err(says)) => assert!(error.contains(says), "{url}: {error}"),
            (other, _) => panic!("{url}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_reached_with_tls_and_its_certificate_is_verified_if_the_url_asks_for_it() {
    let Some(server) = Server::postgres().await else { return };
    let other =
        server.url("postgres", "localhost", "sslmode=verify-full&sslrootcert={ca}").replace("ca.pem", "other.pem");
    assert!(cipher(&other).await.unwrap_err().contains("certificate"));
    let cases = [
        ("localhost", "sslmode=disable", Err("no encryption")),
        ("localhost", "", Ok(())),
        ("localhost", "sslmode=prefer", Ok(())),
        ("localhost", "sslmode=require", Ok(())),
        ("localhost", "sslmode=verify-ca", Err("certificate")),
        ("localhost", "sslmode=verify-full", Err("certificate")),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert={ca}", Ok(())),
        ("localhost", "sslmode=verify-full&sslrootcert={ca}", Ok(())),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert={ca}", Err("certificate")),
        ("localhost", "sslmode=verify-full&sslrootcert=/no/such.pem", Err("No such file")),
    ];
    assert_connections(&server, "postgres", &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_is_reached_with_tls_and_its_certificate_is_verified_if_the_url_asks_for_it() {
    let Some(server) = Server::mariadb().await else { return };
    let cases = [
        ("localhost", "ssl-mode=DISABLED", Err("Access denied")),
        ("localhost", "", Ok(())),
        ("localhost", "ssl-mode=REQUIRED", Ok(())),
        ("localhost", "ssl-mode=VERIFY_CA", Err("certificate")),
        ("127.0.0.1", "ssl-mode=VERIFY_CA&ssl-ca={ca}", Ok(())),
        ("localhost", "ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}", Ok(())),
        ("127.0.0.1", "ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}", Err("certificate")),
    ];
    assert_connections(&server, "mariadb", &cases).await;
    assert_connections(&server, "mysql", &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_worker_delivers_from_a_database_that_demands_tls() {
    let Some(server) = Server::postgres().await else { return };
    let url = server.url("postgres", "localhost", "sslmode=verify-full&sslrootcert={ca}");
    let app = TestApp::on(Place::given(url.clone()), config()).await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let mut worker = WorkerProcess::spawn(&mut process::command(&url));
    app.send_many(10).await;
    receiver.wait_for(10, PATIENCE).await.unwrap();
    app.settled().await;
    worker.terminate();
    assert!(worker.ended().await.success());
}
