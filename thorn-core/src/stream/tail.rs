//! The tail: reads new events of the log once for all streams of the process.

use std::{sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;
use tokio::sync::watch;

use super::hub::Hub;
use crate::{
    db::with_timeout,
    error::Error,
    log::{bounds, page_after},
    process,
};

/// Pause after an error, so that the tail doesn't hammer an unreachable database.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads new events and hands them to the open streams.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    pub(super) db: DatabaseConnection,
    pub(super) hub: Arc<Hub>,
    /// How often the tail looks without a hint.
    pub(super) poll: Duration,
}

impl Tail {
    /// Follows the log until `stop` turns true or its sender is gone.
    pub(super) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut hints = process::numbered_hints();
        while !*stop.borrow() {
            let pause = match with_timeout(&self.db, self.turn()).await {
                Ok(true) => continue,
                Ok(false) => self.poll,
                Err(error) => {
                    tracing::warn!(%error, "reading the log failed, trying again");
                    PAUSE.max(self.poll)
                }
            };
            tokio::select! {
                _ = hints.changed() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Reads one page. Returns whether there may be more.
    async fn turn(&self) -> Result<bool, Error> {
        // Asked for before the log, so all that was read by then is still in it.
        let (head, seen) = (self.hub.head(), self.hub.seen());
        let last = bounds(&self.db).await?.last;
        if last == head && seen.position <= last.position {
            return Ok(false);
        }
        if last.position <= head.position || last.position < seen.position {
            tracing::warn!(%last, %seen, "the log isn't the one from before, as after a restored backup");
            self.hub.reset(last);
            return Ok(false);
        }
        if self.hub.skip_to(last) {
            return Ok(false);
        }
        let page = page_after(&self.db, head.position).await?;
        if page.gap.is_some() {
            // Only events of the gap are missing, so each stream reads them or learns that they are gone.
            self.hub.reset(last);
            return Ok(false);
        }
        for event in page.events {
            self.hub.publish(event);
        }
        Ok(!page.at_end)
    }
}
