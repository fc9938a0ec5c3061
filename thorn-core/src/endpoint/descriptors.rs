//! The files and connections that this process may have open.

use std::io;

use rlimit::Resource;

/// Used where the system doesn't tell.
const UNKNOWN: usize = 1_024;

/// More requests at once than a process can work on, and more idle connections than save anything.
const MOST: usize = 16_384;

/// Raises the limit of open files and connections to the most that the system lets this process have, and returns it.
///
/// Systems often begin with a limit of 1,024, for programs that can't handle more. Each request that is under way takes
/// one. The limit is logged. The stock worker calls this at its start. An application that runs a worker inside may call it before it
/// builds its [`Thorn`](crate::Thorn).
///
/// # Errors
///
/// If the system refuses.
///
/// # Examples
///
/// ```
/// let limit = thorn_core::worker::raise_descriptor_limit()?;
/// assert!(limit > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let raised = rlimit::increase_nofile_limit(u64::MAX);
    match &raised {
        Ok(limit) => {
            let requests = requests_at_once();
            tracing::info!(limit, requests, "raised the limit of open files and connections");
        }
        Err(error) => tracing::warn!(%error, "can't raise the limit of open files and connections"),
    }
    raised
}

/// How many requests this process may have under way. The other half of the descriptors is left to kept connections, to
/// the database and to the application.
pub(super) fn requests_at_once() -> usize {
    (limit() / 2).clamp(1, MOST)
}

/// How many connections may be kept for the next request. A quarter of the descriptors is left to the database and to the
/// application.
pub(crate) fn idle_at_once() -> usize {
    (limit() / 4).clamp(1, MOST)
}

fn limit() -> usize {
    let limit = Resource::NOFILE.get_soft().ok().and_then(|limit| usize::try_from(limit).ok());
    limit.unwrap_or(UNKNOWN)
}
