//! Accepts connections and serves them in HTTP/1.1 or HTTP/2, within bounds on the head of each request.

#[path = "listener/opening.rs"]
mod opening;
#[path = "listener/requests.rs"]
mod requests;
#[path = "listener/response.rs"]
mod response;

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Router,
    extract::ConnectInfo,
    http::{Request, StatusCode},
    response::{IntoResponse as _, Response},
};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

use self::{
    opening::{Opened, Protocol},
    requests::Requests,
};

/// The most bytes of a request's head: 64 KiB.
const HEAD_BYTES: u32 = 64 * 1024;

/// The time that a client has to send a head, also for the next one on a kept connection.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The most requests under way at once on a connection of HTTP/2. The RFC asks for no fewer.
const REQUESTS: u32 = 100;

/// Bytes of bodies that a client of HTTP/2 may send before thorn has read others: of one request, and of all of a
/// connection.
const WINDOWS: (u32, u32) = (256 * 1024, 1024 * 1024);

/// Bytes of a response that wait for a client of HTTP/2 to take others.
const WAITING_BYTES: usize = 64 * 1024;

/// The silence after which a client of HTTP/2 is asked whether it is still there, and the time that it has to answer.
const PING: Duration = Duration::from_secs(20);

/// The time that requests under way have to end after a signal. A body may take this long.
const GRACE: Duration = Duration::from_secs(30);

/// The pause after a connection that couldn't be accepted because the process has no descriptor left.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves the router until `stop` resolves. Then requests under way end, and no other begins.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let (connections, stopping) = watch::channel(());
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(connect(stream, peer, router.clone(), stopping.clone()));
            }
            Err(error) => pause_after(&error).await,
        }
    }
    // Close the port at once, so that a proxy asks another server.
    drop((listener, stopping));
    connections.send_replace(());
    if timeout(GRACE, connections.closed()).await.is_err() {
        tracing::warn!("some requests took too long and were broken off");
    }
}

/// Serves a connection to its end.
async fn connect(stream: TcpStream, peer: SocketAddr, router: Router, mut stopping: watch::Receiver<()>) {
    // Answers are small and should leave at once.
    let _ = stream.set_nodelay(true);
    thorn::end_stalled_connections(&stream);
    let opened = tokio::select! {
        opened = timeout(HEAD_TIME, opening::read(stream)) => opened,
        _ = stopping.changed() => return,
    };
    let Ok(Ok((stream, protocol))) = opened else {
        return tracing::debug!(%peer, "connection ended without a request");
    };
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = (head_bytes(&request) <= HEAD_BYTES as usize).then(|| service.call(request));
        async move {
            match answer {
                Some(answer) => answer.await,
                None => Ok::<_, Infallible>(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response()),
            }
        }
    });
    let ended = match protocol {
        Protocol::Http1 => in_http1(stream, service, stopping).await,
        // It is much larger, and most connections are of the other kind.
        Protocol::Http2 => Box::pin(in_http2(stream, service, stopping)).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

async fn in_http1<S>(stream: Opened, service: S, mut stopping: watch::Receiver<()>) -> hyper::Result<()>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES as usize)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended,
        _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// A connection without a request ends after the time that a head has, so a head that never ends does as well.
async fn in_http2<S>(stream: Opened, service: S, mut stopping: watch::Receiver<()>) -> hyper::Result<()>
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static>,
{
    let service = service_fn(move |request| {
        let answer = service.call(request);
        async move { answer.await.map(|answer: Response| answer.map(response::paced)) }
    });
    let requests = Requests::default();
    // hyper's default ends a connection on which too many requests were reset.
    let connection = http2::Builder::new(requests.clone())
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES)
        .max_concurrent_streams(REQUESTS)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_send_buf_size(WAITING_BYTES)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended,
        _ = stopping.changed() => {}
        () = requests.none_for(HEAD_TIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        ended = connection => ended,
        // The client doesn't confirm the end.
        () = requests.none_for(HEAD_TIME) => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A server may have ten thousand of these, most of which are streams that nothing comes out of.
    #[tokio::test]
    async fn a_connection_takes_little_memory() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let peer = stream.peer_addr().unwrap();
        let (_, stopping) = watch::channel(());
        let bytes = size_of_val(&connect(stream, peer, Router::new(), stopping));
        assert!(bytes <= 1_536, "{bytes} bytes: box what is rare");
    }
}
