//! The places where the database and the queue are. Each measurement gets a new database.

use std::{fmt, time::Duration};

use anyhow::Context as _;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use thorn::{Config, Thorn};

use crate::{process, receiver::micros};

/// A database and a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A SQLite file with the queue in it.
    Sqlite,
    /// A PostgreSQL server with the queue in the same database.
    Postgres,
    /// The same server with the queue in Redis.
    Redis,
}

impl Place {
    /// The places for which `THORN_TEST_POSTGRES_URL` and `THORN_TEST_REDIS_URL` name servers.
    pub(crate) fn available() -> Vec<Self> {
        let postgres = std::env::var("THORN_TEST_POSTGRES_URL").is_ok() && cfg!(feature = "postgres");
        let redis = postgres && std::env::var("THORN_TEST_REDIS_URL").is_ok() && cfg!(feature = "redis");
        let all = [(Self::Sqlite, true), (Self::Postgres, postgres), (Self::Redis, redis)];
        for (place, _) in all.iter().filter(|(_, there)| !there) {
            eprintln!("{place}: skipped, no server; run this with `bash .ci/run servers` and --all-features");
        }
        all.into_iter().filter(|(_, there)| *there).map(|(place, _)| place).collect()
    }

    /// The available places that the arguments name, or all of them.
    pub(crate) fn wanted(arguments: &[String]) -> Vec<Self> {
        let is_asked_for = |place: &Self| arguments.iter().any(|argument| argument == place.argument());
        let available = Self::available();
        let some: Vec<_> = available.iter().copied().filter(is_asked_for).collect();
        if some.is_empty() { available } else { some }
    }

    const fn argument(self) -> &'static str {
        match self {
            Self::Sqlite => "--sqlite",
            Self::Postgres => "--postgres",
            Self::Redis => "--redis",
        }
    }
}

impl Place {
    /// Whether the worker runs in the application's process, which is the default.
    pub(crate) fn has_worker_inside(self) -> bool {
        self == Self::Sqlite
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite file",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "PostgreSQL, Redis queue",
        })
    }
}

/// A new database with thorn's tables and its queue.
pub(crate) struct Site {
    pub(crate) url: String,
    pub(crate) queue_url: Option<String>,
    pub(crate) db: DatabaseConnection,
    pub(crate) thorn: Thorn,
    /// Process ids of the database server and the queue server, if there are any.
    servers: [Option<u32>; 2],
    _folder: Option<tempfile::TempDir>,
}

impl Site {
    pub(crate) async fn new(place: Place) -> anyhow::Result<Self> {
        let (url, folder) = match place {
            Place::Sqlite => {
                let folder = tempfile::tempdir()?;
                (format!("sqlite://{}/bench.db", folder.path().display()), Some(folder))
            }
            Place::Postgres | Place::Redis => (new_database().await?, None),
        };
        let queue_url = match place {
            Place::Redis => Some(std::env::var("THORN_TEST_REDIS_URL")?),
            Place::Sqlite | Place::Postgres => None,
        };
        let db = thorn::connect(&url).await?;
        thorn::migrate(&db).await?;
        let config = Config {
            allow_networks: vec!["127.0.0.0/8".parse()?],
            queue_url: queue_url.as_deref().map(str::parse).transpose()?,
            ..Config::default()
        };
        let thorn = Thorn::builder(db.clone()).config(config).build().await?;
        // The first worker creates the tables of the queue, so start one before measuring.
        thorn.start_worker().await?.stop().await?;
        let servers = [
            if folder.is_none() { postmaster(&db).await? } else { None },
            if queue_url.is_some() { pid_of("redis-server") } else { None },
        ];
        Ok(Self { url, queue_url, db, thorn, servers, _folder: folder })
    }

    /// CPU seconds that the database server and the queue server have used.
    pub(crate) fn servers_cpu(&self) -> anyhow::Result<[f64; 2]> {
        let of = |server: Option<u32>| server.map_or(Ok(0.0), process::cpu_with_children);
        Ok([of(self.servers[0])?, of(self.servers[1])?])
    }

    /// Waits until this many deliveries are recorded.
    pub(crate) async fn recorded(&self, wanted: usize) -> anyhow::Result<()> {
        while self.count("SELECT COUNT(*) AS n FROM thorn_delivery WHERE state = 'delivered'").await? < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Makes the server write the data of earlier measurements to disk now, so that it doesn't do so during
    /// this one.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        if self.db.get_database_backend() == DbBackend::Postgres {
            self.db.execute_unprepared("CHECKPOINT").await?;
        }
        Ok(())
    }

    pub(crate) async fn count(&self, sql: &str) -> anyhow::Result<usize> {
        count(&self.db, sql).await
    }
}

/// Runs a query and returns its column `n`.
pub(crate) async fn count(db: &DatabaseConnection, sql: &str) -> anyhow::Result<usize> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    Ok(usize::try_from(row.context("no row")?.try_get::<i64>("", "n")?)?)
}

/// An empty database on the PostgreSQL server.
pub(crate) async fn new_database() -> anyhow::Result<String> {
    let server = std::env::var("THORN_TEST_POSTGRES_URL")?;
    let name = format!("thorn_bench_{}", micros());
    let db = thorn::connect(&server).await?;
    // Drop the databases of earlier measurements. Otherwise the server would clean them up during this one.
    let old = "SELECT datname FROM pg_database WHERE datname LIKE 'thorn_bench_%'";
    for row in db.query_all_raw(Statement::from_string(DbBackend::Postgres, old)).await? {
        let old: String = row.try_get("", "datname")?;
        // Fails for a database that is in use.
        let _ = db.execute_unprepared(&format!("DROP DATABASE {old}")).await;
    }
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    let (host, _) = server.rsplit_once('/').context("THORN_TEST_POSTGRES_URL names no database")?;
    Ok(format!("{host}/{name}"))
}

/// The server process that started this connection's process.
pub(crate) async fn postmaster(db: &DatabaseConnection) -> anyhow::Result<Option<u32>> {
    let sql = "SELECT pg_backend_pid() AS pid";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let pid: i32 = row.context("no row")?.try_get("", "pid")?;
    Ok(process::parent(u32::try_from(pid)?))
}

fn pid_of(program: &str) -> Option<u32> {
    let output = std::process::Command::new("pgrep").args(["-n", "-x", program]).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}
