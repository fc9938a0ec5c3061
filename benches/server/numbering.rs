//! Measures what the log costs those who write events.

use std::time::{Duration, Instant};

use thorn::{Event, Thorn};

use crate::{
    Scale,
    place::{Place, Site},
    report::{grouped, median},
};

const EVENTS: usize = 8_000;

/// Tasks that write at once.
const WRITERS: usize = 8;

pub(crate) async fn measure(place: Place, scale: Scale) -> anyhow::Result<Vec<String>> {
    let events = EVENTS / scale.divisor;
    let mut rounds = Vec::new();
    for round in 0..scale.rounds {
        // The order alternates, so that a slow moment of the machine affects both.
        let (with, without) = if round % 2 == 0 {
            let with = logged(place, events).await?;
            (with, unlogged(place, events).await?)
        } else {
            let without = unlogged(place, events).await?;
            (logged(place, events).await?, without)
        };
        rounds.push([without, with[0], with[1]]);
    }
    let rate = |figure: usize| grouped(median(rounds.iter().map(|round| round[figure])).round() as usize);
    let ratio = median(rounds.iter().map(|[without, with, _]| with / without));
    Ok(vec![place.to_string(), rate(0), rate(1), rate(2), format!("{ratio:.2}")])
}

async fn unlogged(place: Place, events: usize) -> anyhow::Result<f64> {
    let site = Site::new(place).await?;
    site.settle().await?;
    Ok(events as f64 / write(&site, events).await?)
}

/// The rates at which events are committed, and at which they are committed and numbered.
async fn logged(place: Place, events: usize) -> anyhow::Result<[f64; 2]> {
    let site = Site::new(place).await?;
    let _numbering = Thorn::builder(site.db.clone()).event_log(true).build().await?;
    site.settle().await?;
    let started = Instant::now();
    let writing = write(&site, events).await?;
    while site.count("SELECT COUNT(*) AS n FROM thorn_event WHERE position > 0").await? < events {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok([events as f64 / writing, events as f64 / started.elapsed().as_secs_f64()])
}

/// Seconds that the writers take.
async fn write(site: &Site, events: usize) -> anyhow::Result<f64> {
    let started = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let db = site.db.clone();
            tokio::spawn(async move {
                for n in 0..events / WRITERS {
                    let data = serde_json::json!({ "n": n, "text": "x".repeat(400) });
                    Event::new("bench.sent").broadcast().send(&db, &data).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    Ok(started.elapsed().as_secs_f64())
}
