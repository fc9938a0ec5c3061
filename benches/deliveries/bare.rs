//! The physical limit: a loop that only posts. Body, length of the headers, HTTP client and receiver are
//! the same as thorn's.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};

use crate::process;

/// Concurrent requests: the most that thorn sends to a fast endpoint.
const AT_ONCE: usize = 64;

/// Posts to these URLs in turn. Returns posts per second, and CPU seconds per 1,000 posts. `certificate` is a file with the
/// certificate to trust.
pub(crate) async fn post(urls: &[String], certificate: &Path, body: &str, posts: usize) -> anyhow::Result<[f64; 2]> {
    let certificate = reqwest::Certificate::from_pem(&std::fs::read(certificate)?)?;
    let client = reqwest::Client::builder()
        .http1_only()
        .pool_max_idle_per_host(AT_ONCE)
        .tcp_nodelay(true)
        .no_proxy()
        .tls_certs_only([certificate])
        .default_headers(headers())
        .build()?;
    let urls = urls.iter().map(|url| reqwest::Url::parse(url)).collect::<Result<Arc<[_]>, _>>()?;
    let body = Bytes::copy_from_slice(body.as_bytes());
    let begun = Arc::new(AtomicUsize::new(0));
    let (started, cpu) = (Instant::now(), process::cpu(std::process::id())?);
    let loops: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (client, urls, body, begun) = (client.clone(), urls.clone(), body.clone(), begun.clone());
            tokio::spawn(async move {
                loop {
                    let post = begun.fetch_add(1, Ordering::Relaxed);
                    if post >= posts {
                        break;
                    }
                    let url = urls[post % urls.len()].clone();
                    client.post(url).body(body.clone()).send().await?.error_for_status()?.bytes().await?;
                }
                Ok::<_, reqwest::Error>(())
            })
        })
        .collect();
    for one in loops {
        one.await??;
    }
    let cpu = process::cpu(std::process::id())? - cpu;
    Ok([posts as f64 / started.elapsed().as_secs_f64(), cpu * 1000.0 / posts as f64])
}

/// Headers of the same length as a delivery's.
fn headers() -> HeaderMap {
    let id = HeaderValue::from_static("01a201d1-7087-71b5-85fa-f2d29750dfa5");
    let hmac = HeaderValue::from_static("sha256=K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=");
    let agent = HeaderValue::from_static("Mozilla/5.0 (compatible; thorn/0.1.0; reqwest)");
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("user-agent", agent),
        ("content-type", HeaderValue::from_static("application/json")),
        ("hook-event", HeaderValue::from_static("bench.sent")),
        ("hook-delivery", id.clone()),
        ("hook-subscription", id.clone()),
        ("hook-hmac", hmac.clone()),
        ("webhook-id", id),
        ("webhook-timestamp", HeaderValue::from_static("1795300000")),
        ("webhook-signature", hmac),
    ] {
        headers.insert(name, value);
    }
    headers
}
