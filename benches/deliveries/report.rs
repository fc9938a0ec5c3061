//! What is printed: one table in Markdown for each measurement.

/// A line of a table of rates.
pub(crate) struct Line {
    pub(crate) what: String,
    /// Deliveries a second.
    pub(crate) rate: f64,
    /// Of the bare loop's rate in the same round.
    pub(crate) ratio: f64,
    /// Seconds of CPU for 1,000 deliveries: workers, database, queue.
    pub(crate) cpu: [f64; 3],
    /// A worker's highest, in MiB.
    pub(crate) memory: Option<f64>,
}

/// What one round found.
pub(crate) struct Found {
    pub(crate) rate: f64,
    /// As in [`Line`].
    pub(crate) ratio: f64,
    pub(crate) cpu: [f64; 3],
    pub(crate) memory: f64,
}

impl Line {
    /// The medians of what rounds have found.
    pub(crate) fn of(what: String, found: &[Found]) -> Self {
        let of = |figure: &dyn Fn(&Found) -> f64| median(found.iter().map(figure));
        Self {
            what,
            rate: of(&|found| found.rate),
            ratio: of(&|found| found.ratio),
            cpu: [0, 1, 2].map(|who| of(&|found| found.cpu[who])),
            memory: Some(of(&|found| found.memory)),
        }
    }

    pub(crate) fn limit(rate: f64, cpu: f64) -> Self {
        Self { what: "bare loop".to_owned(), rate, ratio: 1.0, cpu: [cpu, 0.0, 0.0], memory: None }
    }
}

pub(crate) fn rates(title: &str, lines: &[Line]) {
    println!("\n{title}\n");
    println!("| | deliveries/s | of the limit | CPU s per 1,000: worker, database, queue | worker's peak memory |");
    println!("|---|---|---|---|---|");
    for Line { what, rate, ratio, cpu, memory } in lines {
        let cpu = cpu.map(|one| format!("{one:.3}")).join(", ");
        let memory = memory.map_or_else(|| "–".to_owned(), |memory| format!("{memory:.0} MiB"));
        println!("| {what} | {rate:.0} | {:.0} % | {cpu} | {memory} |", 100.0 * ratio);
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

/// The value below which that part of the values lies; NaN if there is none.
pub(crate) fn quantile(values: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b',')).into_owned()
}
