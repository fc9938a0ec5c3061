//! A database for each test: a SQLite file, or one of its own on a server.
//!
//! `THORN_TEST_DATABASE` chooses it for the whole run: `sqlite` (default), `postgres` on the server at
//! `THORN_TEST_POSTGRES_URL`, or `mysql` on the server at `THORN_TEST_MYSQL_URL`.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};

use crate::skip::skipped;

/// Whether this run is on MySQL or MariaDB.
#[must_use]
pub fn is_mysql() -> bool {
    std::env::var("THORN_TEST_DATABASE").is_ok_and(|database| database == "mysql")
}

/// A test's own database. Dropping this drops the database.
#[derive(Debug)]
pub struct Place {
    /// Where to connect.
    pub url: String,
    on: On,
}

#[derive(Debug)]
enum On {
    File(#[expect(dead_code, reason = "the folder lives as long as this")] tempfile::TempDir),
    Server {
        url: String,
        name: String,
    },
    /// The caller drops the database.
    Given,
}

impl Place {
    /// A new database on what `THORN_TEST_DATABASE` names.
    ///
    /// # Panics
    ///
    /// If the variable has another value, or its server isn't there.
    pub async fn new() -> Self {
        match std::env::var("THORN_TEST_DATABASE").as_deref() {
            Ok("postgres") => Self::on(&server("THORN_TEST_POSTGRES_URL"), "").await,
            // As on a server whose default is another character set.
            Ok("mysql") => Self::on(&server("THORN_TEST_MYSQL_URL"), " CHARACTER SET latin1").await,
            Ok("sqlite" | "") | Err(_) => Self::file(),
            Ok(other) => panic!("THORN_TEST_DATABASE={other}: expected sqlite, postgres or mysql"),
        }
    }

    /// A new database on PostgreSQL, whatever this run is on. Without a server it is `None`, and the test is
    /// reported as skipped.
    pub async fn postgres() -> Option<Self> {
        match std::env::var("THORN_TEST_POSTGRES_URL") {
            Ok(server) => Some(Self::on(&server, "").await),
            Err(_) => {
                skipped("this is tested on PostgreSQL, with THORN_TEST_POSTGRES_URL set");
                None
            }
        }
    }

    /// A new database of each kind that is there: SQLite, and the servers whose variables are set.
    pub async fn every() -> Vec<Self> {
        let mut places = vec![Self::file()];
        for (variable, database) in [("THORN_TEST_POSTGRES_URL", "PostgreSQL"), ("THORN_TEST_MYSQL_URL", "MySQL")] {
            match std::env::var(variable) {
                Ok(server) => places.push(Self::on(&server, "").await),
                Err(_) => skipped(&format!("this is tested on {database} as well, with {variable} set")),
            }
        }
        places
    }

    /// A database that the caller has made and drops.
    #[must_use]
    pub const fn given(url: String) -> Self {
        Self { url, on: On::Given }
    }

    async fn on(server: &str, charset: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("thorn_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let db = connect(server).await.unwrap();
        db.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
        db.execute_unprepared(&format!("CREATE DATABASE {name}{charset}")).await.unwrap();
        db.close().await.unwrap();
        let (host, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{host}/{name}"), on: On::Server { url: server.to_owned(), name } }
    }

    fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}/test.db", folder.path().display()), on: On::File(folder) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let On::Server { url, name } = &self.on else { return };
        let (url, name) = (url.clone(), name.clone());
        // `drop` can't wait for the test's own runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(drop_database(&url, &name))
        });
        if !matches!(dropping.join(), Ok(Ok(()))) {
            eprintln!("a test's database on {:?} stays", std::env::var("THORN_TEST_DATABASE"));
        }
    }
}

/// Ends the connections first: a test that failed may have left a transaction open.
async fn drop_database(server: &str, name: &str) -> Result<(), DbErr> {
    let db = connect(server).await?;
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

async fn connect(server: &str) -> Result<DatabaseConnection, DbErr> {
    // SeaORM knows MariaDB by MySQL's name only.
    Database::connect(server.replacen("mariadb:", "mysql:", 1)).await
}

fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("THORN_TEST_DATABASE needs {variable}, the URL of a server"))
}
