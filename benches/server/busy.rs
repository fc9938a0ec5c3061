//! Measures the time from an event's commit to its arrival on streams.

use std::{sync::Arc, time::Duration};

use thorn::Event;
use tokio::sync::Mutex;

use crate::{
    Scale,
    place::{Place, Site},
    receiver::micros,
    report::{grouped, quantile},
    server::Server,
    stream::Stream,
};

const STREAMS: usize = 1_000;
const EVENTS: usize = 200;
/// Events to send first, so that every connection has its statements prepared.
const WARM_UP: usize = 10;
const EVERY: Duration = Duration::from_millis(50);

/// A row for one stream, and one for many.
pub(crate) async fn measure(place: Place, scale: Scale) -> anyhow::Result<[Vec<String>; 2]> {
    let many = STREAMS / scale.divisor;
    Ok([row(place, 1, scale).await?, row(place, many, scale).await?])
}

async fn row(place: Place, streams: usize, scale: Scale) -> anyhow::Result<Vec<String>> {
    let mut late = Vec::new();
    for _ in 0..scale.rounds {
        late.extend(round(place, streams, EVENTS / scale.divisor).await?);
    }
    let figure = |part| format!("{:.1} ms", quantile(late.iter().copied(), part));
    let plural = if streams == 1 { "stream" } else { "streams" };
    Ok(vec![format!("{place}, {} {plural}", grouped(streams)), figure(0.5), figure(0.99), figure(1.0)])
}

/// Milliseconds from each commit to each arrival.
async fn round(place: Place, streams: usize, events: usize) -> anyhow::Result<Vec<f64>> {
    let site = Site::new(place).await?;
    let server = Server::start(&site.url)?;
    let arrivals = Arc::new(Mutex::new(Vec::with_capacity(streams * events)));
    let last = WARM_UP + events - 1;
    let mut readers = Vec::with_capacity(streams);
    for _ in 0..streams {
        let (mut stream, arrivals) = (Stream::open(&server, "bench.*").await?, arrivals.clone());
        readers.push(tokio::spawn(async move {
            let mut own = Vec::with_capacity(WARM_UP + events);
            while own.last().is_none_or(|(n, _)| *n < last) {
                own.push((stream.next().await?, micros()));
            }
            arrivals.lock().await.extend(own);
            anyhow::Ok(())
        }));
    }
    let mut committed = Vec::with_capacity(WARM_UP + events);
    let mut tick = tokio::time::interval(EVERY);
    for n in 0..=last {
        tick.tick().await;
        let event =
            Event::new("bench.sent").broadcast().render(&serde_json::json!({ "n": n, "text": "x".repeat(400) }))?;
        thorn::outbox::write(&site.db, vec![event]).await?;
        committed.push(micros());
    }
    for reader in readers {
        reader.await??;
    }
    let arrivals = arrivals.lock().await;
    anyhow::ensure!(arrivals.len() == streams * (WARM_UP + events), "{} events arrived", arrivals.len());
    let counted = arrivals.iter().filter(|(n, _)| *n >= WARM_UP);
    Ok(counted.map(|(n, at)| at.saturating_sub(committed[*n]) as f64 / 1000.0).collect())
}
