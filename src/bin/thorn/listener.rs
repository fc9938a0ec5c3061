//! Accepts connections and serves them, within bounds on the head of each request.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Router,
    extract::ConnectInfo,
    http::{Request, StatusCode},
    response::IntoResponse as _,
};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};

/// The most bytes of a request's head: 64 KiB.
const HEAD_BYTES: usize = 64 * 1024;

/// The time that a client has to send a head, also for the next one on a kept connection.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The time that requests under way have to end after a signal. A body may take this long.
const GRACE: Duration = Duration::from_secs(30);

/// The pause after a connection that couldn't be accepted because the process has no descriptor left.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves the router until `stop` resolves. Then requests under way end, and no other begins.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => connect(stream, peer, &router, &connections),
            Err(error) => pause_after(&error).await,
        }
    }
    // Close the port at once, so that a proxy asks another server.
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests took too long and were broken off");
    }
}

fn connect(stream: TcpStream, peer: SocketAddr, router: &Router, connections: &GracefulShutdown) {
    // Answers are small and should leave at once.
    let _ = stream.set_nodelay(true);
    thorn::end_stalled_connections(&stream);
    let service = TowerToHyperService::new(router.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = (head_bytes(&request) <= HEAD_BYTES).then(|| service.call(request));
        async move {
            match answer {
                Some(answer) => answer.await,
                None => Ok::<_, Infallible>(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response()),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    });
}

/// The size of a head. hyper bounds what it buffers, and a last read may exceed that.
fn head_bytes<B>(request: &Request<B>) -> usize {
    // The colon, the space and the line's end.
    let lines = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    lines.fold(request.uri().to_string().len(), |bytes, line| bytes + line)
}

/// A connection that the client has broken off doesn't matter. Another error lasts until a descriptor is free.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "can't accept a connection");
        tokio::time::sleep(PAUSE).await;
    }
}
