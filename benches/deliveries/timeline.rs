//! When requests arrive: in the receiver, a count for each 10 ms; for the reader, a line.

use std::time::Duration;

use anyhow::Context as _;

/// The length of one count, in microseconds.
const STEP: u64 = 10_000;

/// How many requests arrived, from the first one on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// When the first one arrived, in microseconds since 1970.
    first: Option<u64>,
    /// Requests in each 10 ms since then.
    counts: Vec<u32>,
}

impl Timeline {
    pub(crate) fn note(&mut self, at: u64) {
        let step = usize::try_from(at.saturating_sub(*self.first.get_or_insert(at)) / STEP).unwrap_or(usize::MAX);
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += 1;
    }

    /// The text that [`parse`](Self::parse) reads.
    pub(crate) fn tell(&self) -> String {
        let counts: Vec<String> = self.counts.iter().map(u32::to_string).collect();
        format!("{} {}", self.first.unwrap_or_default(), counts.join(","))
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let (first, counts) = text.trim().split_once(' ').context("nothing has arrived")?;
        let counts = counts.split(',').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { first: Some(first.parse()?), counts })
    }

    /// The time from this moment, in microseconds since 1970, to the first arrival.
    pub(crate) fn first_after(&self, micros: u64) -> Duration {
        Duration::from_micros(self.first.unwrap_or(micros).saturating_sub(micros))
    }

    /// The longest time in which nothing arrived, to 10 ms.
    pub(crate) fn longest_gap(&self) -> Duration {
        let gaps = self.counts.split(|count| *count > 0).map(<[u32]>::len);
        Duration::from_micros(gaps.max().unwrap_or(0) as u64 * STEP)
    }

    /// A bar for each 10 ms, as high as the arrivals in it. A space stands for none.
    pub(crate) fn bars(&self) -> String {
        const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.counts.iter().copied().max().unwrap_or(0).max(1);
        self.counts.iter().map(|count| BARS[(*count as usize * 8).div_ceil(most as usize)]).collect()
    }
}
