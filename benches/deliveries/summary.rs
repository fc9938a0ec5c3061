//! The table in the README, with a row for each place and a column for each measurement.

use crate::report::{self, Line, grouped};

const HEAD: [&str; 7] = [
    "",
    "100,000 events to one subscription, deliveries/s",
    "2,000 events to 100 each, deliveries/s",
    "CPU s per 1,000 of these, all processes",
    "worker's memory: idle, peak",
    "commit to arrival: p50, p99",
    "time of a save with a webhook, divided by one without: single, 500 in your own transaction, 500 in `Thorn::transaction`, `insert_many`",
];

/// A column of the table.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    One,
    Many,
    Cpu,
    Memory,
    Latency,
    Saves,
}

/// The rows, in the order in which they are first added to.
#[derive(Default)]
pub(crate) struct Summary(Vec<(String, [String; HEAD.len() - 1])>);

impl Summary {
    /// Adds the rates of a scenario. For the scenario with many subscriptions, also adds CPU and memory.
    pub(crate) fn rates(&mut self, column: Column, lines: &[Line]) {
        for Line { what, rate, ratio, cpu, memory, .. } in lines {
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

    /// Appends to a cell.
    pub(crate) fn add(&mut self, what: &str, column: Column, text: &str) {
        // The third part only says how large the backlog was.
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

    /// Prints the table unless it is empty.
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
