//! Streams: readers that follow the log of committed events.
//!
//! One task per process, the tail, reads new events once, matches them against all open streams, and puts a shared frame
//! into the queue of each stream that wants it. A [`Reader`] that begins earlier, or whose queue was full, reads the
//! log itself until it has caught up.

mod audience;
mod frame;
mod hub;
mod open_stream;
mod reader;
mod selection;
mod start;
mod tail;

pub use self::{
    frame::{Encoding, Frame},
    reader::{Reader, Step},
    selection::Selection,
    start::{Start, Started},
};

use std::{fmt, sync::Arc};

use sea_orm::DatabaseConnection;
use tokio::sync::{Semaphore, watch};

use self::{hub::Hub, tail::Tail};
use crate::{
    background::Background,
    config::Config,
    db::DatabaseUrl,
    error::Error,
    log::{self, Consumers, Cursor, bounds, switch_on},
    outbox,
    sequencer::Sequencer,
    subscription::Access,
};

/// Readers of a process that read pages of the log at the same time. The others wait in turn.
const CATCH_UPS: usize = 8;

/// The open streams of this process, and the way to open one. Clones share everything.
///
/// [`Thorn::streams`](crate::Thorn::streams) returns it.
#[derive(Clone)]
pub struct Streams {
    db: DatabaseConnection,
    hub: Arc<Hub>,
    catch_ups: Arc<Semaphore>,
}

/// The tasks behind the streams. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct RunningLog {
    pub(crate) streams: Streams,
    _stop: watch::Sender<bool>,
}

impl RunningLog {
    /// Switches the log on, and starts the sequencer and the tail of this process.
    pub(crate) async fn start(db: &DatabaseConnection, config: &Config) -> Result<Self, Error> {
        switch_on(db).await?;
        let hub = Arc::new(Hub::new(bounds(db).await?.last));
        let (stop, stopping) = watch::channel(false);
        let background = Background::default();
        let sequencer = Sequencer { db: db.clone(), poll: config.poll_interval };
        background.spawn("sequencer", (sequencer, stopping.clone()), |(run, stop)| async move { run.run(stop).await });
        let tail = Tail { db: db.clone(), hub: hub.clone(), poll: config.poll_interval };
        background.spawn("tail", (tail, stopping.clone()), |(run, stop)| async move { run.run(stop).await });
        let parts = (db.clone(), config.listen_url.clone(), stopping);
        background.spawn("log listener", parts, |(db, url, stop): (_, Option<DatabaseUrl>, _)| async move {
            outbox::listen(&db, url.as_ref(), stop).await;
        });
        let streams = Streams { db: db.clone(), hub, catch_ups: Arc::new(Semaphore::new(CATCH_UPS)) };
        Ok(Self { streams, _stop: stop })
    }
}

impl Streams {
    /// Opens a stream of the events that `selection` selects.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn open(&self, selection: Selection, start: Start) -> Result<Started, Error> {
        start::open(self, selection, start).await
    }

    /// The consumers that the caller may see.
    #[must_use]
    pub fn consumers(&self, access: Access<'_>) -> Consumers<'_> {
        Consumers::new(&self.db, access)
    }

    /// The end of the log: the cursor behind every event that is numbered so far.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn end(&self) -> Result<Cursor, Error> {
        Ok(bounds(&self.db).await?.last)
    }

    /// The cursor from which every event is still there.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn earliest(&self) -> Result<Cursor, Error> {
        Ok(bounds(&self.db).await?.earliest)
    }

    /// Whether every event after the cursor is still there. `Err` has the cursor from which they are.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn check(&self, cursor: Cursor) -> Result<Result<(), Cursor>, Error> {
        Ok(match log::locate(&self.db, cursor).await? {
            log::Located::Found => Ok(()),
            log::Located::Gone { earliest } => Err(earliest),
        })
    }

    /// Ends every open stream with [`Step::Closing`], and lets no new one begin. A program calls it when it stops.
    pub fn close(&self) {
        self.hub.close();
    }

    /// Whether [`close`](Self::close) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.hub.is_closed()
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("hub", &self.hub).finish_non_exhaustive()
    }
}
