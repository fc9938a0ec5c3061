//! Where a stream begins.

use std::sync::Arc;

use super::{Streams, reader::Reader, selection::Selection};
use crate::{
    error::Error,
    log::{Cursor, Located, bounds, locate, page_before},
};

/// Events that [`Start::Latest`] looks at, from the end of the log backwards.
const LOOKED_AT: usize = 10_000;

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Behind every event that is numbered so far.
    Now,
    /// At the first event that is still there.
    Earliest,
    /// Behind the event of this cursor.
    After(Cursor),
    /// At the latest selected events, so many of the last 10,000 of the log.
    Latest(usize),
}

/// A stream that can be read.
#[derive(Debug)]
pub struct Started {
    /// Reads the stream.
    pub reader: Reader,
    /// The cursor at which the stream begins.
    pub cursor: Cursor,
    /// Whether events behind the wanted cursor are missing. The stream begins at the earliest cursor then.
    pub has_gap: bool,
}

pub(super) async fn open(streams: &Streams, selection: Selection, start: Start) -> Result<Started, Error> {
    let mut has_gap = false;
    let cursor = match start {
        Start::Now => bounds(&streams.db).await?.last,
        Start::Earliest => bounds(&streams.db).await?.earliest,
        Start::Latest(count) => latest(streams, &selection, count).await?,
        Start::After(cursor) => match locate(&streams.db, cursor).await? {
            Located::Found => cursor,
            Located::Gone { earliest } => {
                has_gap = true;
                earliest
            }
        },
    };
    let reader = Reader::new(streams, Arc::new(selection), cursor);
    Ok(Started { reader, cursor, has_gap })
}

/// The cursor before the latest selected events.
async fn latest(streams: &Streams, selection: &Selection, count: usize) -> Result<Cursor, Error> {
    let ends = bounds(&streams.db).await?;
    let (mut highest, mut found, mut looked_at) = (ends.last.position, 0, 0);
    loop {
        let page = {
            // The semaphore is never closed.
            let _permit = streams.catch_ups.acquire().await;
            page_before(&streams.db, highest).await?
        };
        if page.is_empty() {
            return Ok(ends.earliest);
        }
        for event in page {
            if event.cursor.position <= ends.earliest.position {
                return Ok(ends.earliest);
            }
            if found == count || looked_at == LOOKED_AT {
                return Ok(event.cursor);
            }
            looked_at += 1;
            found += usize::from(selection.selects(&event));
            highest = event.cursor.position - 1;
        }
    }
}
