//! An HTTP receiver on a loopback address, with configurable replies, that keeps every request.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// A request that the receiver got.
#[derive(Clone, Debug)]
pub struct Received {
    /// The path and query of the URL.
    pub path: String,
    /// The headers by name, in lower case. If a name occurs twice, the map has the last value.
    pub headers: HashMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// When the request had arrived completely.
    pub at: Instant,
}

impl Received {
    /// The value of a header, or an empty string if the request has no such header.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(&name.to_ascii_lowercase()).map_or("", String::as_str)
    }

    /// The body as JSON, or null if it isn't valid JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The reply to requests.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names and values of the headers, besides `content-length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The wait before the reply is sent.
    pub delay: Duration,
}

impl Reply {
    /// A reply with this status, without a body, sent at once.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), delay: Duration::ZERO }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the wait before the reply is sent.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// An HTTP server on a free loopback port. It stops when it is dropped.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let receiver = thorn_core::testing::Receiver::start().await?;
/// // … subscribe `receiver.url("/hook")`, send an event, run a worker …
/// assert_eq!(receiver.received().len(), 0);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    received: Mutex<Vec<Received>>,
    reply: Mutex<Reply>,
    arrived: Notify,
    in_flight: Mutex<InFlight>,
}

/// Requests that have arrived but aren't answered yet.
#[derive(Debug, Default)]
struct InFlight {
    current: usize,
    highest: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    /// Starts a receiver that replies with status 204.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if no port is free.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            reply: Mutex::new(Reply::status(204)),
            arrived: Notify::new(),
            in_flight: Mutex::default(),
        });
        let server = tokio::spawn(serve(listener, shared.clone()));
        Ok(Self { address, shared, server })
    }

    /// The URL of this path on the receiver; `path` begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sets the reply to requests that arrive from now on.
    pub fn reply(&self, reply: Reply) {
        *lock(&self.shared.reply) = reply;
    }

    /// The requests that have arrived so far, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// The number of requests that have arrived so far.
    #[must_use]
    pub fn arrived(&self) -> usize {
        lock(&self.shared.received).len()
    }

    /// Forgets the requests that have arrived so far.
    pub fn forget(&self) {
        lock(&self.shared.received).clear();
    }

    /// The highest number of requests that were waiting for a reply at the same time.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        lock(&self.shared.in_flight).highest
    }

    /// Waits until at least this number of requests have arrived, and returns all of them.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] after `timeout`, with the number of requests that have arrived.
    pub async fn wait_for(&self, requests: usize, timeout: Duration) -> io::Result<Vec<Received>> {
        let enough = async {
            loop {
                let arrived = self.shared.arrived.notified();
                let received = self.received();
                if received.len() >= requests {
                    return received;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(timeout, enough).await.map_err(|_| {
            let message = format!("{} of {requests} requests arrived within {timeout:?}", self.received().len());
            io::Error::new(io::ErrorKind::TimedOut, message)
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // The connections end with this set, and the set ends with the receiver.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await? {
        // The reply is chosen before the request becomes visible. A test that then sets another reply sets it for
        // later requests.
        let reply = lock(&shared.reply).clone();
        {
            let mut in_flight = lock(&shared.in_flight);
            in_flight.current += 1;
            in_flight.highest = in_flight.highest.max(in_flight.current);
        }
        lock(&shared.received).push(request);
        shared.arrived.notify_waiters();
        tokio::time::sleep(reply.delay).await;
        let mut response = format!("HTTP/1.1 {} Reply\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            response.push_str(&format!("{name}: {value}\r\n"));
        }
        response.push_str("\r\n");
        response.push_str(&reply.body);
        // The count goes down before the reply is sent, because the client may send its next request right after.
        lock(&shared.in_flight).current -= 1;
        stream.get_mut().write_all(response.as_bytes()).await?;
    }
    Ok(())
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Received { path, headers, body, at: Instant::now() }))
}
