//! The table in docs/operating.md: a line for each fault and place.

use std::{fmt, sync::Once, time::Duration};

/// The result of one run.
#[derive(Default)]
pub(super) struct Line {
    pub(super) fault: String,
    pub(super) place: String,
    /// How often it was done.
    pub(super) hits: usize,
    /// Deliveries owed: committed events, times receivers.
    pub(super) accepted: usize,
    pub(super) delivered: usize,
    /// Requests for which no attempt is recorded.
    pub(super) duplicated: usize,
    pub(super) most_duplicates: usize,
    pub(super) lost: usize,
    /// Arrivals of what was never committed.
    pub(super) phantom: usize,
    /// From the fault's end to the first delivery of something committed after it.
    pub(super) first: Duration,
    /// From the fault's end until all that was committed before it has arrived.
    pub(super) cleared: Duration,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, place, hits, accepted, delivered, duplicated, most_duplicates, lost, phantom, .. } = self;
        let (first, cleared) = (self.first.as_secs_f32(), self.cleared.as_secs_f32());
        write!(
            f,
            "| {fault} | {place} | {hits} | {accepted} | {delivered} | {duplicated} (≤ {most_duplicates}) | {lost} | {phantom} | {first:.1} s | {cleared:.1} s |"
        )
    }
}

/// On standard output, so `… faults:: --nocapture | grep '^|'` is the table.
pub(super) fn print(line: &Line) {
    static HEAD: Once = Once::new();
    HEAD.call_once(|| {
        println!("| fault | place | times | accepted | delivered | duplicated (bound) | lost | phantom | first after | backlog after |");
        println!("|---|---|---|---|---|---|---|---|---|---|");
    });
    println!("{line}");
}
