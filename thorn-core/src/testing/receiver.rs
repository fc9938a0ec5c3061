//! An HTTP receiver on loopback that answers as told and remembers every request.

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

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The path with its query.
    pub path: String,
    /// Headers by lower-case name.
    pub headers: HashMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// When it had arrived whole.
    pub at: Instant,
}

impl Received {
    /// A header's value, empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(&name.to_ascii_lowercase()).map_or("", String::as_str)
    }

    /// The body as JSON, null if it isn't.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// How requests are answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status of the response.
    pub status: u16,
    /// Extra header lines.
    pub headers: Vec<(String, String)>,
    /// The response's body.
    pub body: String,
    /// Waited for before the response is written.
    pub delay: Duration,
}

impl Reply {
    /// This status at once, with no body.
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

    /// Waits before it is written.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A receiver on a free loopback port; it stops when dropped.
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
    /// Requests that have arrived and aren't answered, and the most there were.
    in_hand: Mutex<(usize, usize)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    /// Starts a receiver that answers 204.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            reply: Mutex::new(Reply::status(204)),
            arrived: Notify::new(),
            in_hand: Mutex::default(),
        });
        let server = tokio::spawn(serve(listener, shared.clone()));
        Ok(Self { address, shared, server })
    }

    /// A URL of this receiver.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers like this from now on.
    pub fn reply(&self, reply: Reply) {
        *lock(&self.shared.reply) = reply;
    }

    /// Everything that has arrived so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// How many requests have arrived so far.
    #[must_use]
    pub fn arrived(&self) -> usize {
        lock(&self.shared.received).len()
    }

    /// Forgets what has arrived so far.
    pub fn forget(&self) {
        lock(&self.shared.received).clear();
    }

    /// The most requests it has had in hand at once.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        lock(&self.shared.in_hand).1
    }

    /// Waits until that many requests have arrived and returns them.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] with the number that did arrive, after `patience`.
    pub async fn wait_for(&self, requests: usize, patience: Duration) -> io::Result<Vec<Received>> {
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
        tokio::time::timeout(patience, enough).await.map_err(|_| {
            let message = format!("{} of {requests} requests arrived within {patience:?}", self.received().len());
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
    // Connections end with the set, and so with the receiver.
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
        // Before anybody hears of the request: a reply set then is for those that come later.
        let reply = lock(&shared.reply).clone();
        {
            let mut in_hand = lock(&shared.in_hand);
            in_hand.0 += 1;
            in_hand.1 = in_hand.1.max(in_hand.0);
        }
        lock(&shared.received).push(request);
        shared.arrived.notify_waiters();
        tokio::time::sleep(reply.delay).await;
        let mut response = format!("HTTP/1.1 {} Told\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            response.push_str(&format!("{name}: {value}\r\n"));
        }
        response.push_str("\r\n");
        response.push_str(&reply.body);
        // Before the answer: whoever has read it may send the next one at once.
        lock(&shared.in_hand).0 -= 1;
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
