//! A test receiver that misbehaves as the test asks and records its requests.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
    task::JoinHandle,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

/// How a receiver answers each request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Sends these bytes and waits for the next request.
    Bytes(Vec<u8>),
    /// Sends these bytes and closes the connection.
    AndClose(Vec<u8>),
    /// Sends these bytes as the response to the first request of a connection, and closes it at the second request.
    OncePerConnection(Vec<u8>),
    /// Sends these bytes, and then one more byte each 200 ms.
    Trickle(&'static str),
    /// Sends these bytes, and then more as fast as the client reads them.
    Flood(&'static str),
    /// Sends nothing and keeps the connection open.
    Hang,
}

impl Reply {
    /// A whole response, with its length.
    pub(super) fn status(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        Self::Bytes([head.as_bytes(), body].concat())
    }
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    written: AtomicUsize,
    /// Notified when a connection without TLS has ended.
    ended: Notify,
    requests: Mutex<Vec<Request>>,
    server_name: Mutex<Option<String>>,
}

/// A request as its raw bytes.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Every value of a header. The name's letter case doesn't matter.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The only value of a header.
    pub(super) fn header(&self, name: &str) -> &str {
        let [value] = self.all(name)[..] else { panic!("{name} in {}", self.head) };
        value
    }
}

#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start(reply: Reply) -> Self {
        Self::start_at("127.0.0.1:0", reply).await
    }

    pub(super) async fn start_at(address: &str, reply: Reply) -> Self {
        Self::listen(address, reply, None).await
    }

    pub(super) async fn start_tls(reply: Reply, tls: ServerConfig) -> Self {
        Self::listen("127.0.0.1:0", reply, Some(TlsAcceptor::from(Arc::new(tls)))).await
    }

    async fn listen(address: &str, reply: Reply, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let accepted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.connections.fetch_add(1, Ordering::SeqCst);
                let (reply, seen, tls) = (reply.clone(), Arc::clone(&accepted), tls.clone());
                tokio::spawn(async move {
                    let Some(tls) = tls else {
                        converse(stream, &reply, &seen).await;
                        return seen.ended.notify_one();
                    };
                    let Ok(stream) = tls.accept(stream).await else { return };
                    *seen.server_name.lock().unwrap() = stream.get_ref().1.server_name().map(str::to_owned);
                    converse(stream, &reply, &seen).await;
                });
            }
        });
        Self { address, seen, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(super) fn bytes_written(&self) -> usize {
        self.seen.written.load(Ordering::SeqCst)
    }

    /// Waits until a connection without TLS has ended.
    pub(super) async fn ended(&self) {
        self.seen.ended.notified().await;
    }

    pub(super) fn server_name(&self) -> Option<String> {
        self.seen.server_name.lock().unwrap().clone()
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// The only request that arrived.
    pub(super) fn request(&self) -> Request {
        let requests = self.requests();
        let [request] = &requests[..] else { panic!("{} requests", requests.len()) };
        request.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, reply: &Reply, seen: &Seen) {
    let mut answered = 0;
    while let Some(request) = read_request(&mut stream).await {
        seen.requests.lock().unwrap().push(request);
        let (start, rest): (&[u8], &[u8]) = match reply {
            Reply::Bytes(bytes) | Reply::AndClose(bytes) => (bytes, b""),
            Reply::OncePerConnection(bytes) if answered == 0 => (bytes, b""),
            Reply::OncePerConnection(_) => return,
            Reply::Trickle(start) => (start.as_bytes(), b"x"),
            Reply::Flood(start) => (start.as_bytes(), &[b'x'; 16 * 1024]),
            Reply::Hang => (b"", b""),
        };
        if stream.write_all(start).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        match reply {
            Reply::Bytes(_) | Reply::OncePerConnection(_) => answered += 1,
            Reply::AndClose(_) => return,
            Reply::Hang => sleep(Duration::from_secs(600)).await,
            Reply::Trickle(_) | Reply::Flood(_) => loop {
                if stream.write_all(rest).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                seen.written.fetch_add(rest.len(), Ordering::SeqCst);
                if matches!(reply, Reply::Trickle(_)) {
                    sleep(Duration::from_millis(200)).await;
                }
            },
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let body = bytes.split_off(end);
    let mut request = Request { head: String::from_utf8(bytes).unwrap(), body };
    let length: usize = request.all("content-length").first().map_or(0, |length| length.parse().unwrap());
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}
