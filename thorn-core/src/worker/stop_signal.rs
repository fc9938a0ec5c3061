//! The signal that asks a process to stop.

use std::io;

/// Listens for SIGTERM and Ctrl-C from now on, elsewhere than on Unix for Ctrl-C only. The future resolves when the
/// process is asked to stop.
///
/// Pass it to axum's `with_graceful_shutdown`, and [stop](super::Worker::stop) the worker afterwards.
///
/// # Errors
///
/// The operating system's, if it lets nobody listen.
///
/// # Examples
///
/// ```no_run
/// # async fn example(worker: thorn_core::worker::Worker) -> Result<(), Box<dyn std::error::Error>> {
/// let stop = thorn_core::worker::stop_signal()?;
/// stop.await;
/// worker.stop().await?;
/// # Ok(())
/// # }
/// ```
#[cfg(unix)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Listens for Ctrl-C. The future resolves when the process is asked to stop.
///
/// # Errors
///
/// None; it has the signature that it has on Unix.
#[cfg(not(unix))]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
