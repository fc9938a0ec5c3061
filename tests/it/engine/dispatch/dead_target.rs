//! Dispatches whose target doesn't answer.

use std::time::{Duration, Instant};

use super::{FORM, encoded, post};
use crate::engine::server::Server;

const DISPATCHES: usize = 1_000;

/// The median, and the time that all but one of a hundred take at most.
fn median_and_p99(times: &[Duration]) -> (Duration, Duration) {
    let mut times = times.to_vec();
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() - 2])
}

#[tokio::test]
async fn ac13_a_thousand_dispatches_to_a_dead_target_slow_down_nobody_and_take_no_more_memory() {
    // As by default, failed deliveries wait for longer than this test takes.
    let (server, operator) = Server::with(&[("THORN_RETRY_DELAY", "60")]).await;
    // Nobody listens on this port.
    let body = format!("_url={}&a=1", encoded("http://127.0.0.1:1/"));
    let (mut times, mut early) = (Vec::new(), 0);
    for number in 0..DISPATCHES {
        let began = Instant::now();
        post(&operator, "/dispatch", FORM, body.as_bytes()).await.expect(202);
        times.push(began.elapsed());
        if number == 200 {
            early = server.peak_mib();
        }
    }
    let (first, last) = (median_and_p99(&times[..100]), median_and_p99(&times[DISPATCHES - 100..]));
    let late = server.peak_mib();
    eprintln!("{first:?} of the first hundred, {last:?} of the last; {early} MiB after 200, {late} after all");
    // Other tests on the machine may make single ones late at any time, and all of them by some 20 ms.
    assert!(last.0 <= (first.0 * 2).max(Duration::from_millis(50)), "{first:?}, later {last:?}");
    assert!(late < early + 20, "{early} MiB, later {late}");
}
