//! Measures the memory that streams take which nothing comes out of.

use std::time::Duration;

use crate::{
    Scale,
    place::{Place, Site},
    process::memory,
    report::grouped,
    server::Server,
    stream::Stream,
};

const STREAMS: usize = 10_000;

/// Time in which the server comes to rest.
const REST: Duration = Duration::from_secs(5);

/// Returns the number of streams, and the memory that each takes.
pub(crate) async fn measure(place: Place, scale: Scale) -> anyhow::Result<[String; 2]> {
    let site = Site::new(place).await?;
    let server = Server::start(&site.url)?;
    let count = STREAMS / scale.divisor;
    // The first ones fill caches and pools.
    let mut streams = vec![Stream::open(&server, "order.*").await?];
    tokio::time::sleep(REST).await;
    let (before, _) = memory(server.pid())?;
    while streams.len() <= count {
        streams.push(Stream::open(&server, "order.*").await?);
    }
    tokio::time::sleep(REST).await;
    let (after, _) = memory(server.pid())?;
    let each = (after - before) * 1024.0 / count as f64;
    Ok([grouped(count), format!("{each:.1} KiB")])
}
