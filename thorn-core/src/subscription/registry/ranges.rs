//! Reads many changes on several connections and cores at once.
//!
//! A row that is written meanwhile leaves its range for a version beyond all of them. So whoever has read the ranges must read
//! on after the last of them.

use std::{num::NonZero, thread::available_parallelism};

use sea_orm::{DatabaseConnection, DbErr};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    changes::{Versions, page},
    compiled::RegistryChange,
};
use crate::signing::SecretKey;

/// The most ranges that are read at once.
const AT_ONCE: usize = 4;

/// Pages that each reader may be ahead.
const AHEAD: usize = 2;

/// Pages of consecutive ranges of versions, in no order.
pub(super) struct Ranges {
    pages: mpsc::Receiver<Result<RangePage, DbErr>>,
    /// For each range the version at its end, and whether all of it was handed out.
    ends: Vec<(i64, bool)>,
    _readers: JoinSet<()>,
}

/// A page of one of the ranges.
pub(super) struct RangePage {
    pub(super) changes: Vec<RegistryChange>,
    range: usize,
    is_last: bool,
}

impl Ranges {
    /// Begins to read the changes from `after` to `until`.
    pub(super) fn read(
        db: &DatabaseConnection,
        key: Option<&SecretKey>,
        [after, until]: [i64; 2],
        length: usize,
    ) -> Self {
        let at_once = available_parallelism().map_or(1, NonZero::get).min(AT_ONCE);
        let bounds = divide(after, until, at_once);
        let (sender, pages) = mpsc::channel(AHEAD * bounds.len());
        let mut readers = JoinSet::new();
        for (range, versions) in bounds.iter().copied().enumerate() {
            let (db, key, sender) = (db.clone(), key.cloned(), sender.clone());
            readers.spawn(async move { read_range(&db, key.as_ref(), range, versions, length, &sender).await });
        }
        let ends = bounds.iter().map(|versions| (versions.until.unwrap_or(until), false)).collect();
        Self { pages, ends, _readers: readers }
    }

    /// The next page, and the version up to which all has been handed out once the caller has taken this page. `None` after
    /// the last page.
    pub(super) async fn next(&mut self) -> Result<Option<(RangePage, Option<i64>)>, DbErr> {
        let Some(page) = self.pages.recv().await.transpose()? else {
            return match self.ends.iter().all(|(_, is_read)| *is_read) {
                true => Ok(None),
                false => Err(DbErr::Custom("a reader of subscriptions has ended too early".to_owned())),
            };
        };
        if page.is_last {
            self.ends[page.range].1 = true;
        }
        let complete = self.ends.iter().take_while(|(_, is_read)| *is_read).last().map(|(end, _)| *end);
        Ok(Some((page, complete)))
    }
}

/// Consecutive ranges, as many as asked for if there are as many versions.
fn divide(after: i64, until: i64, ranges: usize) -> Vec<Versions> {
    let ranges = i64::try_from(ranges).unwrap_or(1).min(until - after).max(1);
    let bound = |n: i64| after + (until - after) / ranges * n;
    let end = |n: i64| if n == ranges { until } else { bound(n) };
    (1..=ranges).map(|n| Versions { after: bound(n - 1), until: Some(end(n)) }).collect()
}

/// Sends the pages of a range. It ends early if nobody takes them any more.
async fn read_range(
    db: &DatabaseConnection,
    key: Option<&SecretKey>,
    range: usize,
    mut versions: Versions,
    length: usize,
    pages: &mpsc::Sender<Result<RangePage, DbErr>>,
) {
    loop {
        let read = page(db, versions, length, key).await;
        let read = read.map(|changes| RangePage { is_last: changes.len() < length, changes, range });
        let last = read.as_ref().ok().filter(|page| !page.is_last).and_then(|page| page.changes.last());
        let next = last.map(|change| change.version);
        if pages.send(read).await.is_err() {
            return;
        }
        match next {
            Some(after) => versions.after = after,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_all_versions_once() {
        for (after, until, ranges) in [(0, 10, 3), (7, 1_000_003, 4), (0, 1, 4), (5, 7, 4), (0, 4, 1)] {
            let divided = divide(after, until, ranges);
            assert!(divided.len() <= ranges);
            assert_eq!((divided[0].after, divided.last().unwrap().until), (after, Some(until)));
            for pair in divided.windows(2) {
                assert_eq!(pair[0].until, Some(pair[1].after));
            }
            assert!(divided.iter().all(|range| range.until > Some(range.after)), "{divided:?}");
        }
    }
}
