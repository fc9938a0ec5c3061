//! The table that the README shows: a row for each place, a column for each measurement.

use crate::report::{self, Line, grouped};

const HEAD: [&str; 7] = [
    "",
    "20,000 events to one subscription, deliveries/s",
    "500 events to 100 each, deliveries/s",
    "CPU s per 1,000 of these: all",
    "worker's memory: idle, peak",
    "commit to arrival: p50, p99",
    "a save with webhook, times one without: alone, 500 in a transaction of one's own, 500 in `Thorn::transaction`, `insert_many`",
];

/// What a column is about.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    One,
    Many,
    Cpu,
    Memory,
    Latency,
    Saves,
}

/// Rows in the order in which they are first spoken of.
#[derive(Default)]
pub(crate) struct Summary(Vec<(String, [String; HEAD.len() - 1])>);

impl Summary {
    /// The rates of a scenario; of that with many subscriptions CPU and memory, too.
    pub(crate) fn rates(&mut self, column: Column, lines: &[Line]) {
        for Line { what, rate, ratio, cpu, memory } in lines {
            let of_limit = if memory.is_some() { format!(" ({:.0} %)", 100.0 * ratio) } else { String::new() };
            self.add(what, column, &format!("{}{of_limit}", grouped(rate.round() as usize)));
            if matches!(column, Column::Many) {
                self.add(what, Column::Cpu, &format!("{:.3}", cpu.iter().sum::<f64>()));
                if let Some(memory) = memory {
                    self.add(what, Column::Memory, &format!("{memory:.0} MiB"));
                }
            }
        }
    }

    /// Adds to a cell, after what is there already.
    pub(crate) fn add(&mut self, what: &str, column: Column, text: &str) {
        // What comes after says in how much of a backlog that was.
        let name = what.split(", ").take(2).collect::<Vec<_>>().join(", ");
        let at = self.0.iter().position(|(row, _)| *row == name).unwrap_or_else(|| {
            self.0.push((name, Default::default()));
            self.0.len() - 1
        });
        let cell = &mut self.0[at].1[column as usize];
        if !cell.is_empty() {
            cell.push_str(", ");
        }
        cell.push_str(text);
    }

    /// Prints it, if there is anything to tell.
    pub(crate) fn print(&self) {
        if self.0.is_empty() {
            return;
        }
        let row = |(name, cells): &(String, [String; HEAD.len() - 1])| {
            std::iter::once(name.clone()).chain(cells.iter().cloned()).collect()
        };
        report::table("All in one", &HEAD, &self.0.iter().map(row).collect::<Vec<_>>());
    }
}
