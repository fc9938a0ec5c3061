//! Where a run takes place: which database, which queue, and how they are reached. `None` if the
//! server for it isn't there.

use thorn_test_support::full;

use super::server::{Server, variable};
use crate::app::new_database;

pub(super) struct Ground {
    /// As the table says it.
    pub(super) name: String,
    /// The database's URL for the application and the workers.
    pub(super) url: String,
    /// The same for the test, past anything that fails.
    pub(super) direct: String,
    /// The queue's URL, if it isn't in the database.
    pub(super) queue: Option<String>,
    /// The folder of the database lives as long as this.
    folder: Option<tempfile::TempDir>,
    pub(super) server: Option<Server>,
}

/// A file.
pub(super) async fn sqlite() -> Option<Ground> {
    let folder = tempfile::tempdir().unwrap();
    let mut ground = Ground::at("SQLite", format!("sqlite://{}/app.db", folder.path().display()));
    ground.folder = Some(folder);
    Some(ground)
}

/// The same, when all of the table is wanted.
pub(super) async fn full_sqlite() -> Option<Ground> {
    if full("a line of the fault table") { sqlite().await } else { None }
}

/// A database of its own on the server of `THORN_TEST_POSTGRES_URL`.
pub(super) async fn postgres() -> Option<Ground> {
    let server = variable("THORN_TEST_POSTGRES_URL", cfg!(feature = "postgres"))?;
    Some(Ground::at("PostgreSQL", new_database(&server).await))
}

/// The same with a queue on a Redis of its own.
pub(super) async fn redis() -> Option<Ground> {
    variable("THORN_TEST_REDIS_URL", cfg!(feature = "redis"))?;
    let mut ground = postgres().await?;
    let redis = Server::redis().await?;
    ground.name = "PostgreSQL, queue on Redis".into();
    ground.queue = Some(redis.url());
    ground.server = Some(redis);
    Some(ground)
}

/// A database on a PostgreSQL of its own, which loses nothing in a crash.
pub(super) async fn own_postgres() -> Option<Ground> {
    variable("THORN_TEST_POSTGRES_URL", cfg!(feature = "postgres"))?;
    let server = Server::postgres().await?;
    let mut ground = Ground::at("PostgreSQL", new_database(&server.url()).await);
    ground.server = Some(server);
    Some(ground)
}

impl Ground {
    pub(super) fn at(name: &str, url: String) -> Self {
        Self { name: name.into(), direct: url.clone(), url, queue: None, folder: None, server: None }
    }
}
