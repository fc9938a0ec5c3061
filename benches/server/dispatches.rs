//! Measures `/dispatch`: what is accepted, and what is delivered, beside a loop that only posts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use crate::{
    Scale, bare,
    place::{Place, Site},
    receiver::Receiver,
    report::{grouped, median},
    server::Server,
};

const DISPATCHES: usize = 10_000;

/// Callers at once, each on a connection of its own.
const CALLERS: usize = 16;

/// Bytes of the body.
const BYTES: usize = 400;

pub(crate) async fn measure(place: Place, scale: Scale, receiver: &Receiver) -> anyhow::Result<Vec<String>> {
    let mut rounds = Vec::new();
    for _ in 0..scale.rounds {
        rounds.push(round(place, DISPATCHES / scale.divisor, receiver).await?);
    }
    let figure = |of: fn(&[f64; 3]) -> f64| median(rounds.iter().map(of));
    let rate = |of| grouped(figure(of).round() as usize);
    let ratio = figure(|[_, delivered, bare]| 100.0 * delivered / bare);
    Ok(vec![
        place.to_string(),
        rate(|[accepted, ..]| *accepted),
        rate(|[_, delivered, _]| *delivered),
        rate(|[.., bare]| *bare),
        format!("{ratio:.0} %"),
    ])
}

/// Dispatches accepted and delivered in a second, and the posts of the loop.
async fn round(place: Place, dispatches: usize, receiver: &Receiver) -> anyhow::Result<[f64; 3]> {
    let (target, body) = (receiver.url("x"), "x".repeat(BYTES));
    let [bare, _] = bare::post(std::slice::from_ref(&target), &receiver.certificate(), &body, dispatches).await?;
    let site = Site::new(place).await?;
    let server = Server::start(&site.url)?;
    // The first ones fill caches and pools.
    post(&server, receiver, &body, 100).await?;
    site.recorded(100).await?;
    site.settle().await?;
    let started = Instant::now();
    post(&server, receiver, &body, dispatches).await?;
    let accepted = dispatches as f64 / started.elapsed().as_secs_f64();
    site.recorded(100 + dispatches).await?;
    Ok([accepted, dispatches as f64 / started.elapsed().as_secs_f64(), bare])
}

/// Posts so many dispatches to the receiver.
async fn post(server: &Server, receiver: &Receiver, body: &str, dispatches: usize) -> anyhow::Result<()> {
    let certificate = reqwest::Certificate::from_pem(&std::fs::read(receiver.certificate())?)?;
    let client = reqwest::Client::builder().http1_only().pool_max_idle_per_host(CALLERS).tcp_nodelay(true).no_proxy();
    let client = client.tls_certs_only([certificate]).build()?;
    let target = receiver.url("x");
    let url = format!("http://127.0.0.1:{}/dispatch", server.port);
    let begun = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let request = client.post(&url).bearer_auth(&server.key).header("thorn-url", &target);
            let request = request.header("content-type", "text/plain").body(body.to_owned()).build();
            let (client, begun) = (client.clone(), begun.clone());
            tokio::spawn(async move {
                let request = request?;
                while begun.fetch_add(1, Ordering::Relaxed) < dispatches {
                    let request = request.try_clone().ok_or_else(|| anyhow::anyhow!("a body is no stream"))?;
                    client.execute(request).await?.error_for_status()?.bytes().await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    Ok(())
}
