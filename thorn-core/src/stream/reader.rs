//! The reader of one stream: first the log, then what the tail hands over.

use std::{collections::VecDeque, fmt, sync::Arc};

use sea_orm::DatabaseConnection;
use tokio::sync::{Semaphore, watch};

use super::{
    Streams,
    frame::Frame,
    hub::{Hub, Joined},
    open_stream::{Queued, Taken},
    selection::Selection,
};
use crate::{
    error::Error,
    log::{Cursor, Located, locate, page_after},
};

/// Reads the selected events of the log in their order, each once, and then follows it.
pub struct Reader {
    db: DatabaseConnection,
    hub: Arc<Hub>,
    catch_ups: Arc<Semaphore>,
    selection: Arc<Selection>,
    /// Every selected event up to here was returned.
    at: Cursor,
    state: State,
    closing: watch::Receiver<bool>,
}

/// One step of a [`Reader`].
#[derive(Debug)]
pub enum Step {
    /// The next event.
    Event(Arc<Frame>),
    /// Events are missing, and reading goes on from this cursor: they are deleted, or the log is another one than before.
    Gap(Cursor),
    /// Nothing is left to read at the moment. The next step waits for an event.
    CaughtUp,
    /// The streams are [closed](Streams::close).
    Closing,
}

enum State {
    /// The log may be another one than before.
    Unsure,
    /// Reads pages of the log.
    CatchingUp(Fetched),
    /// The tail hands over every event after `from`. Until then the reader reads pages of the log.
    Joined { joined: Joined, from: Cursor, fetched: Fetched, has_said_so: bool },
}

/// The rest of a page.
#[derive(Default)]
struct Fetched {
    frames: VecDeque<Arc<Frame>>,
    /// How far the page reaches.
    end: Option<Cursor>,
}

impl Reader {
    pub(super) fn new(streams: &Streams, selection: Arc<Selection>, at: Cursor) -> Self {
        Self {
            db: streams.db.clone(),
            hub: streams.hub.clone(),
            catch_ups: streams.catch_ups.clone(),
            selection,
            at,
            state: State::CatchingUp(Fetched::default()),
            closing: streams.hub.closing(),
        }
    }

    /// How far the reader has looked: every selected event up to this cursor was returned.
    pub fn cursor(&mut self) -> Cursor {
        if let State::Joined { joined, from, .. } = &self.state
            && from.position <= self.at.position
            && let Some(head) = joined.looked_at()
            // The tail may be behind the page that was read last.
            && head.position > self.at.position
        {
            self.at = head;
        }
        self.at
    }

    /// Waits for the next step. The future may be dropped, and the next call goes on where it was.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]. The next call tries again.
    pub async fn step(&mut self) -> Result<Step, Error> {
        loop {
            if *self.closing.borrow() {
                return Ok(Step::Closing);
            }
            if let Some(frame) = self.fetched() {
                return Ok(Step::Event(frame));
            }
            // Boxed, so that an idle stream doesn't keep the memory for queries.
            let step = match &self.state {
                State::Unsure => Box::pin(self.verify()).await?,
                State::CatchingUp(_) => Box::pin(self.catch_up()).await?,
                State::Joined { from, .. } if from.position > self.at.position => Box::pin(self.read_page()).await?.0,
                State::Joined { .. } => self.follow().await,
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    /// The next event of the page, or the end of the page.
    fn fetched(&mut self) -> Option<Arc<Frame>> {
        let (State::CatchingUp(fetched) | State::Joined { fetched, .. }) = &mut self.state else { return None };
        let frame = fetched.frames.pop_front();
        match &frame {
            Some(frame) => self.at = frame.cursor(),
            None => self.at = fetched.end.take().unwrap_or(self.at),
        }
        frame
    }

    /// Checks that the cursor still belongs to the log.
    async fn verify(&mut self) -> Result<Option<Step>, Error> {
        let located = locate(&self.db, self.at).await?;
        self.state = State::CatchingUp(Fetched::default());
        Ok(match located {
            Located::Found => None,
            Located::Gone { earliest } => {
                self.at = earliest;
                Some(Step::Gap(earliest))
            }
        })
    }

    /// Reads pages, and joins the tail at the end of the log. The tail's own place doesn't count before: it may be behind.
    async fn catch_up(&mut self) -> Result<Option<Step>, Error> {
        let (step, at_end) = self.read_page().await?;
        if at_end {
            let fetched = match std::mem::replace(&mut self.state, State::Unsure) {
                State::CatchingUp(fetched) | State::Joined { fetched, .. } => fetched,
                State::Unsure => Fetched::default(),
            };
            let (joined, head) = self.hub.join(&self.selection, fetched.end.unwrap_or(self.at));
            self.state = State::Joined { joined, from: head, fetched, has_said_so: false };
        }
        Ok(step)
    }

    /// Reads the next page of the log. Returns whether it reached the end.
    async fn read_page(&mut self) -> Result<(Option<Step>, bool), Error> {
        let page = {
            // The semaphore is never closed. It serves readers in turn.
            let _permit = self.catch_ups.acquire().await;
            page_after(&self.db, self.at.position).await?
        };
        if let Some(earliest) = page.gap {
            self.at = earliest;
            return Ok((Some(Step::Gap(earliest)), false));
        }
        let mut end = page.events.last().map(|event| event.cursor);
        if let State::Joined { from, .. } = &self.state
            && page.at_end
            && end.is_none_or(|end| end.position < from.position)
        {
            // The positions up to `from` have no events any more.
            end = Some(*from);
        }
        let wanted = page.events.into_iter().filter(|event| self.selection.selects(event));
        let frames = wanted.map(|event| Arc::new(Frame::new(event))).collect();
        if let State::CatchingUp(fetched) | State::Joined { fetched, .. } = &mut self.state {
            *fetched = Fetched { frames, end };
        }
        Ok((None, page.at_end))
    }

    /// Takes what the tail hands over, or waits for it.
    async fn follow(&mut self) -> Option<Step> {
        let State::Joined { joined, has_said_so, .. } = &mut self.state else { return None };
        match joined.stream.take() {
            Taken::Frame(Queued { frame, is_decided }) => {
                // The tail may be behind the page that was read last.
                let is_new = frame.cursor().position > self.at.position;
                if !is_new {
                    return None;
                }
                self.at = frame.cursor();
                (is_decided || self.selection.passes(&frame.event)).then_some(Step::Event(frame))
            }
            Taken::Overflowed => {
                self.state = State::Unsure;
                None
            }
            Taken::Empty if !*has_said_so => {
                *has_said_so = true;
                Some(Step::CaughtUp)
            }
            Taken::Empty => {
                tokio::select! {
                    () = joined.stream.changed.notified() => {}
                    _ = self.closing.wait_for(|closing| *closing) => {}
                }
                None
            }
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("at", &self.at).finish_non_exhaustive()
    }
}
