//! A database for each test: a SQLite file, or one of its own on a server.
//!
//! `THORN_TEST_DATABASE` says which for the whole run: `sqlite` (default), `postgres` on the server of
//! `THORN_TEST_POSTGRES_URL`, or `mysql` on that of `THORN_TEST_MYSQL_URL`. `servers.rs` starts the
//! other two runs.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

/// Whether this run is on MySQL or MariaDB.
pub(crate) fn is_mysql() -> bool {
    std::env::var("THORN_TEST_DATABASE").is_ok_and(|database| database == "mysql")
}

/// Gone when it is dropped.
pub(crate) struct Place {
    pub(crate) url: String,
    on: On,
}

enum On {
    File(#[expect(dead_code, reason = "the folder lives as long as this")] tempfile::TempDir),
    Server {
        url: String,
        name: String,
    },
    /// Somebody else's to make and drop.
    Given,
}

impl Place {
    pub(crate) async fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("thorn_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (server, charset) = match std::env::var("THORN_TEST_DATABASE").as_deref() {
            Ok("postgres") => (server("THORN_TEST_POSTGRES_URL"), ""),
            // As on a server whose default is another one.
            Ok("mysql") => (server("THORN_TEST_MYSQL_URL"), " CHARACTER SET latin1"),
            Ok("sqlite" | "") | Err(_) => return Self::file(),
            Ok(other) => panic!("THORN_TEST_DATABASE={other}: expected sqlite, postgres or mysql"),
        };
        let db = thorn_core::connect(&server).await.unwrap();
        db.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
        db.execute_unprepared(&format!("CREATE DATABASE {name}{charset}")).await.unwrap();
        db.close().await.unwrap();
        let (host, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{host}/{name}"), on: On::Server { url: server, name } }
    }

    pub(crate) const fn given(url: String) -> Self {
        Self { url, on: On::Given }
    }

    fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}/test.db", folder.path().display()), on: On::File(folder) }
    }

    pub(crate) async fn connect(&self) -> DatabaseConnection {
        thorn_core::connect(&self.url).await.unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let On::Server { url, name } = &self.on else { return };
        let (url, name) = (url.clone(), name.clone());
        // The test's own runtime can't be waited for in here.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(drop_database(&url, &name))
        });
        if !matches!(dropping.join(), Ok(Ok(()))) {
            eprintln!("a test's database on {:?} stays", std::env::var("THORN_TEST_DATABASE"));
        }
    }
}

/// A test that failed may have left a transaction open, so what is connected is cut off first.
async fn drop_database(server: &str, name: &str) -> Result<(), thorn_core::Error> {
    let db = thorn_core::connect(server).await?;
    let backend = db.get_database_backend();
    if backend == DbBackend::Postgres {
        db.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        return Ok(());
    }
    let sql = format!("SELECT CAST(id AS SIGNED) AS id FROM information_schema.processlist WHERE db = '{name}'");
    for row in db.query_all_raw(Statement::from_string(backend, sql)).await? {
        let id: i64 = row.try_get("", "id")?;
        // It may have gone by itself.
        let _ = db.execute_unprepared(&format!("KILL {id}")).await;
    }
    db.execute_unprepared(&format!("DROP DATABASE {name}")).await?;
    Ok(())
}

fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("THORN_TEST_DATABASE needs {variable}, the URL of a server"))
}
