//! An application in a process of its own, which saves rows until it is killed.
//!
//! A row and its event are one transaction, so the rows tell what was committed: nobody has to keep count. Some transactions are rolled back, and their keys must never be heard of.

use std::{io::Read as _, process::Command, time::Duration};

use sea_orm::{DatabaseConnection, Set, TransactionTrait};
use thorn::{Config, EventId, Thorn, timestamp::Timestamp};

use super::random::Random;
use crate::process;

#[allow(unreachable_pub, reason = "SeaORM wants it public")]
pub(super) mod entry {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "entry.made", payload = [key, made_at], broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "entry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub made_at: i64,
    }
}

pub(super) const TABLE: &str = "CREATE TABLE entry (key VARCHAR(64) PRIMARY KEY, made_at BIGINT NOT NULL)";

/// Rows of one transaction.
const ROWS: usize = 3;

/// Between two transactions.
const PACE: Duration = Duration::from_millis(15);

/// One in so many is rolled back.
const DROPPED: u64 = 5;

const APPLICATION: &str = "THORN_TEST_APPLICATION";

/// The program: this binary with nothing but the application in it. With `all_in_one` it has a worker
/// inside.
pub(super) fn command(database_url: &str, all_in_one: bool) -> Command {
    let mut command = process::program(&std::env::current_exe().unwrap(), database_url);
    command.args(["--exact", "faults::application::that_saves_until_it_is_killed", "--nocapture"]);
    command.env(APPLICATION, if all_in_one { "all in one" } else { "alone" });
    // Its end is noticed there, should the test be gone before it.
    command.stdin(std::process::Stdio::piped());
    command
}

/// Not a test but that application, when a test runs it.
#[tokio::test(flavor = "multi_thread")]
async fn that_saves_until_it_is_killed() {
    let (Ok(kind), Ok(url)) = (std::env::var(APPLICATION), std::env::var("DATABASE_URL")) else { return };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let _ = tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).try_init();
    let db = thorn::connect(&url).await.unwrap();
    let thorn = Thorn::builder(db.clone()).config(Config::from_env().unwrap()).build().await.unwrap();
    let _worker = if kind == "all in one" { Some(thorn.start_worker().await.unwrap()) } else { None };
    let mut random = Random::new();
    loop {
        if let Err(error) = save(&db, &mut random).await {
            tracing::warn!(%error, "a transaction failed");
            tokio::time::sleep(PACE * 5).await;
        }
        tokio::time::sleep(PACE).await;
    }
}

async fn save(db: &DatabaseConnection, random: &mut Random) -> Result<(), thorn::Error> {
    let txn = db.begin().await?;
    for _ in 0..ROWS {
        let key = EventId::generate().to_string();
        let made_at = Timestamp::now().as_millis();
        entry::ActiveModel { key: Set(key), made_at: Set(made_at) }.insert(&txn).await?;
    }
    if random.below(DROPPED) == 0 {
        txn.rollback().await?;
    } else {
        txn.commit().await?;
    }
    Ok(())
}
