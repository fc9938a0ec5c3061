//! The same application with each of its queues.

use std::{fmt, io, path::Path, process::Command};

use thorn::{Config, EventId};
use thorn_test_support::skipped;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    app::{TestApp, new_database},
    process,
};

/// Where tasks are queued.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Sqlite,
    Postgres,
    Redis,
    /// The database is PostgreSQL.
    RedisBesidePostgres,
    Memory,
}

/// Tests share a Redis; the one that empties it has it alone.
static REDIS: RwLock<()> = RwLock::const_new(());

enum Hold {
    None,
    Shared { _guard: RwLockReadGuard<'static, ()> },
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

/// An application with a queue of its own.
pub(crate) struct Placed {
    pub(crate) app: TestApp,
    pub(crate) place: Place,
    redis: Option<String>,
    queue: String,
    _hold: Hold,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

const POSTGRES: (&str, &str, bool) = ("THORN_TEST_POSTGRES_URL", "postgres", cfg!(feature = "postgres"));
const REDIS_SERVER: (&str, &str, bool) = ("THORN_TEST_REDIS_URL", "redis", cfg!(feature = "redis"));

impl Place {
    const fn in_redis(self) -> bool {
        matches!(self, Self::Redis | Self::RedisBesidePostgres)
    }

    const fn on_postgres(self) -> bool {
        matches!(self, Self::Postgres | Self::RedisBesidePostgres)
    }

    /// The server's URL if this test can run; else it says why not.
    fn server(self, (variable, feature, compiled): (&str, &str, bool)) -> Option<String> {
        let url = std::env::var(variable).ok().filter(|_| compiled);
        if url.is_none() {
            skipped(&format!("the queue in {self} is tested with {variable} set and the feature `{feature}`"));
        }
        url
    }
}

impl Placed {
    /// `None` if there is no such server.
    pub(crate) async fn new(place: Place, config: Config) -> Option<Self> {
        Self::with(place, config, false).await
    }

    /// With a queue that may be emptied with all that is beside it.
    pub(crate) async fn alone(place: Place, config: Config) -> Option<Self> {
        Self::with(place, config, true).await
    }

    async fn with(place: Place, config: Config, alone: bool) -> Option<Self> {
        let redis = if place.in_redis() { Some(place.server(REDIS_SERVER)?) } else { None };
        let postgres = if place.on_postgres() { Some(place.server(POSTGRES)?) } else { None };
        let queue = format!("thorn-test-{}", EventId::generate());
        let hold = match (place.in_redis(), alone) {
            (true, true) => Hold::Alone { _guard: REDIS.write().await },
            (true, false) => Hold::Shared { _guard: REDIS.read().await },
            _ => Hold::None,
        };
        let queue_url = match place {
            Place::Memory => Some("memory:".parse().unwrap()),
            _ => redis.as_ref().map(|url| url.parse().unwrap()),
        };
        let database = match postgres {
            Some(server) => thorn_test_support::Place::given(new_database(&server).await),
            None => thorn_test_support::Place::new().await,
        };
        let config = Config { queue_url, queue_name: queue.clone(), ..config };
        let app = TestApp::on(database, config).await;
        Some(Self { app, place, redis, queue, _hold: hold })
    }

    /// A worker process on the same database and queue.
    pub(crate) fn command(&self) -> Command {
        self.program(Path::new(env!("CARGO_BIN_EXE_worker")))
    }

    /// The same for another program.
    pub(crate) fn program(&self, program: &Path) -> Command {
        let mut command = process::program(program, &self.app.url);
        command.env("THORN_QUEUE_NAME", &self.queue);
        match self.place {
            Place::Redis | Place::RedisBesidePostgres => command.env("THORN_QUEUE_URL", self.redis.as_ref().unwrap()),
            Place::Memory => command.env("THORN_QUEUE_URL", "memory:"),
            Place::Sqlite | Place::Postgres => &mut command,
        };
        command
    }

    /// Loses all tasks, as an operator would.
    pub(crate) async fn empty(&self) {
        match self.place {
            Place::Sqlite | Place::Postgres => self.app.execute(&format!("DELETE FROM {}", self.app.jobs())).await,
            Place::Redis | Place::RedisBesidePostgres => assert_eq!(self.redis("FLUSHALL").await.unwrap(), "+OK"),
            Place::Memory => panic!("nobody can empty another process's memory"),
        }
    }

    /// Tasks in the queue, finished or not.
    pub(crate) async fn tasks(&self) -> usize {
        match self.place {
            Place::Sqlite | Place::Postgres => usize::try_from(self.app.count(self.app.jobs()).await).unwrap(),
            Place::Redis | Place::RedisBesidePostgres => {
                let count = self.redis(&format!("HLEN {}:data", self.queue)).await.unwrap();
                count.trim_start_matches(':').parse().unwrap()
            }
            Place::Memory => panic!("nobody can look into another process's memory"),
        }
    }

    /// A command in Redis's own words, and the first line of the answer.
    async fn redis(&self, command: &str) -> io::Result<String> {
        let url = self.redis.as_ref().unwrap();
        let address = url.trim_start_matches("redis://").split('/').next().unwrap();
        let mut stream = BufReader::new(TcpStream::connect(address).await?);
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        Ok(answer.trim().to_owned())
    }
}
