//! The sequencer: numbers committed events, so that streams can follow them.
//!
//! Any number of processes may run one. A lock lets one number at a time, and a process that dies frees it.

use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend};
use tokio::sync::watch;

use crate::{
    db::with_timeout,
    error::Error,
    log::{BATCH, number},
    process::{self, IdlePoll},
};

/// Pause after an error, so that the sequencer doesn't hammer an unreachable database.
const PAUSE: Duration = Duration::from_secs(1);

/// Numbers committed events.
#[derive(Clone, Debug)]
pub(crate) struct Sequencer {
    pub(crate) db: DatabaseConnection,
    /// How often an idle sequencer looks for events without a hint.
    pub(crate) poll: Duration,
}

impl Sequencer {
    /// Numbers events until `stop` turns true or its sender is gone.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut hints = process::hints();
        // PostgreSQL sends its hint with the commit, so the sequencer needn't look again soon after it.
        let early_hints = self.db.get_database_backend() != DbBackend::Postgres;
        let mut idle = IdlePoll::new(self.poll, early_hints);
        while !*stop.borrow() {
            let pause = match self.turn().await {
                Ok(true) => continue,
                Ok(false) => idle.pause(),
                Err(error) => {
                    tracing::warn!(%error, "numbering events failed, trying again");
                    PAUSE.max(self.poll)
                }
            };
            tokio::select! {
                _ = hints.changed() => idle.hinted(),
                () = tokio::time::sleep(pause) => idle.paused(),
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Numbers one batch. Returns whether there may be more.
    async fn turn(&self) -> Result<bool, Error> {
        let numbered = with_timeout(&self.db, number(&self.db)).await?;
        if numbered > 0 {
            tracing::trace!(events = numbered, "numbered");
            process::notify_numbered();
        }
        Ok(numbered == BATCH)
    }
}
