//! Prints a Markdown table for each measurement.

use std::time::Duration;

use crate::timeline::Timeline;

/// A line in a table of rates.
pub(crate) struct Line {
    pub(crate) what: String,
    /// Deliveries per second.
    pub(crate) rate: f64,
    /// The rate divided by the bare loop's rate in the same round.
    pub(crate) ratio: f64,
    /// CPU seconds per 1,000 deliveries: workers, database, queue.
    pub(crate) cpu: [f64; 3],
    /// The peak memory of a worker, in MiB.
    pub(crate) memory: Option<f64>,
    /// Milliseconds from the worker's start to the first arrival. The rate doesn't contain them.
    pub(crate) start_up: Option<f64>,
    /// The longest time without an arrival, in milliseconds.
    pub(crate) longest_gap: Option<f64>,
    /// The arrivals of the last round, a bar for each 10 ms.
    pub(crate) arrivals: Option<String>,
}

/// The figures of one round, in the units of [`Line`].
pub(crate) struct Round {
    pub(crate) rate: f64,
    pub(crate) ratio: f64,
    pub(crate) cpu: [f64; 3],
    pub(crate) memory: f64,
    pub(crate) start_up: f64,
    pub(crate) longest_gap: f64,
    pub(crate) arrivals: String,
}

impl Round {
    /// Makes a round of what was measured. `elapsed` begins with the worker's start, and `start_up` ends with the first
    /// arrival. `limit` is the bare loop's rate, `cpu` is in seconds and `memory` in MiB.
    pub(crate) fn new(
        deliveries: usize,
        limit: f64,
        [elapsed, start_up]: [Duration; 2],
        timeline: &Timeline,
        cpu: [f64; 3],
        memory: f64,
    ) -> Self {
        let rate = deliveries as f64 / elapsed.saturating_sub(start_up).as_secs_f64();
        let [start_up, longest_gap] = [start_up, timeline.longest_gap()].map(|time| time.as_secs_f64() * 1000.0);
        Self {
            rate,
            ratio: rate / limit,
            cpu: cpu.map(|cpu| cpu * 1000.0 / deliveries as f64),
            memory,
            start_up,
            longest_gap,
            arrivals: timeline.bars(),
        }
    }
}

impl Line {
    /// The medians of several rounds.
    pub(crate) fn of(what: String, rounds: &[Round]) -> Self {
        let of = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure));
        Self {
            what,
            rate: of(&|round| round.rate),
            ratio: of(&|round| round.ratio),
            cpu: [0, 1, 2].map(|part| of(&|round| round.cpu[part])),
            memory: Some(of(&|round| round.memory)),
            start_up: Some(of(&|round| round.start_up)),
            longest_gap: Some(of(&|round| round.longest_gap)),
            arrivals: rounds.last().map(|round| round.arrivals.clone()),
        }
    }

    pub(crate) fn limit(rate: f64, cpu: f64) -> Self {
        Self {
            what: "bare loop".to_owned(),
            rate,
            ratio: 1.0,
            cpu: [cpu, 0.0, 0.0],
            memory: None,
            start_up: None,
            longest_gap: None,
            arrivals: None,
        }
    }
}

pub(crate) fn rates(title: &str, lines: &[Line]) {
    println!("\n{title}\n");
    println!(
        "| | deliveries/s | of the limit | CPU s per 1,000: worker, database, queue | worker's peak memory | before the first arrival | longest gap |"
    );
    println!("|---|---|---|---|---|---|---|");
    for Line { what, rate, ratio, cpu, memory, start_up, longest_gap, .. } in lines {
        let cpu = cpu.map(|one| format!("{one:.3}")).join(", ");
        let memory = memory.map_or_else(|| "–".to_owned(), |memory| format!("{memory:.0} MiB"));
        let [start_up, longest_gap] =
            [start_up, longest_gap].map(|time| time.map_or_else(|| "–".to_owned(), |time| format!("{time:.0} ms")));
        println!("| {what} | {rate:.0} | {:.0} % | {cpu} | {memory} | {start_up} | {longest_gap} |", 100.0 * ratio);
    }
    for Line { what, arrivals, .. } in lines {
        if let Some(arrivals) = arrivals {
            println!("\n{what}, arrivals in each 10 ms of the last round:\n{arrivals}");
        }
    }
}

pub(crate) fn table(title: &str, head: &[&str], rows: &[Vec<String>]) {
    println!("\n{title}\n\n| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of the values lies, or NaN if there are no values.
pub(crate) fn quantile(values: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Formats a number with commas between the thousands.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b',')).into_owned()
}
