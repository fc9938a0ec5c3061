//! Ends connections whose client has gone without a word.

use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

/// How long sent bytes may stay unacknowledged.
#[cfg(target_os = "linux")]
const STALL: Duration = Duration::from_secs(30);

/// How long a connection is silent before the system asks whether the other side is still there.
const SILENCE: Duration = Duration::from_secs(30);

/// Makes the system end a connection whose client takes nothing for 30 s: it has vanished, or it doesn't read. So a
/// stream frees its place within a minute; without this call, that takes a quarter of an hour.
///
/// The limit of 30 s needs Linux. Elsewhere the system's own applies. It doesn't bound requests: `axum::serve` waits without
/// limit for the head of one, so put a proxy with time-outs in front of it, as
/// [Getting started](https://github.com/thorn-rs/thorn/blob/main/docs/guide/getting_started.md) says.
///
/// # Examples
///
/// ```no_run
/// # async fn example(router: axum::Router) -> std::io::Result<()> {
/// use axum::serve::ListenerExt as _;
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let listener = listener.tap_io(|connection| thorn_axum::end_stalled_connections(connection));
/// axum::serve(listener, router).await
/// # }
/// ```
pub fn end_stalled_connections(connection: &TcpStream) {
    let socket = SockRef::from(connection);
    let keepalive = socket2::TcpKeepalive::new().with_time(SILENCE);
    let set = socket.set_tcp_keepalive(&keepalive);
    #[cfg(target_os = "linux")]
    let set = set.and(socket.set_tcp_user_timeout(Some(STALL)));
    if let Err(error) = set {
        tracing::debug!(%error, "can't bound how long a connection may stall");
    }
}
