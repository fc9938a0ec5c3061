//! Waiting for a condition.

use std::time::{Duration, Instant};

/// Longer than anything should take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Calls `ask` every 10 ms until it returns `Ok`, and returns that value.
///
/// # Panics
///
/// After [`PATIENCE`], with the last error.
pub async fn eventually<T, F: Future<Output = Result<T, String>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(last) if started.elapsed() > PATIENCE => panic!("{what} didn't come true; last seen: {last}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
