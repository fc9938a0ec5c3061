//! The receiver, which runs in its own process. It answers 204 to every request and does nothing else, so
//! that it takes as little time as possible.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::Notify,
};
use tokio_rustls::TlsAcceptor;

use crate::{target::Target, timeline::Timeline};

/// The argument that makes this program the receiver.
pub(crate) const ARGUMENT: &str = "receive";

/// A running receiver. Dropping it kills the process.
pub(crate) struct Receiver {
    child: Child,
    /// The ports for requests without TLS and with it.
    ports: [u16; 2],
    /// Has the certificate and its key.
    folder: tempfile::TempDir,
}

/// A file with the receiver's certificate.
fn certificate_in(folder: &Path) -> PathBuf {
    folder.join("certificate.pem")
}

/// A file with the key of the certificate.
fn key_in(folder: &Path) -> PathBuf {
    folder.join("key.pem")
}

impl Receiver {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let made = rcgen::generate_simple_self_signed([Target::Tls.address(0)])?;
        std::fs::write(certificate_in(folder.path()), made.cert.pem())?;
        std::fs::write(key_in(folder.path()), made.signing_key.serialize_pem())?;
        let program = std::env::current_exe()?;
        let mut child = Command::new(program).arg(ARGUMENT).arg(folder.path()).stdout(Stdio::piped()).spawn()?;
        let mut ports = String::new();
        BufReader::new(child.stdout.take().context("the receiver has no output")?).read_line(&mut ports)?;
        let (plain, tls) = ports.trim().split_once(' ').context("the receiver names no ports")?;
        Ok(Self { child, ports: [plain.parse()?, tls.parse()?], folder })
    }

    pub(crate) fn url(&self, path: impl std::fmt::Display) -> String {
        format!("http://127.0.0.1:{}/{path}", self.ports[0])
    }

    /// A URL for each of so many subscriptions.
    pub(crate) fn urls(&self, target: Target, subscriptions: usize) -> Vec<String> {
        let (scheme, port) = match target {
            Target::Tls => ("https", self.ports[1]),
            Target::Host | Target::Hosts(_) => ("http", self.ports[0]),
        };
        (0..subscriptions).map(|n| format!("{scheme}://{}:{port}/{n}", target.address(n))).collect()
    }

    /// A file with the certificate, which clients must trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        certificate_in(self.folder.path())
    }

    /// The number of requests that it has answered since it started.
    pub(crate) fn count(&self) -> anyhow::Result<usize> {
        Ok(self.ask("count")?.trim().parse()?)
    }

    /// Begins a new timeline of arrivals.
    pub(crate) fn begin(&self) -> anyhow::Result<()> {
        self.ask("begin").map(drop)
    }

    /// Waits until this many requests have arrived since [`begin`](Self::begin). Nothing is asked meanwhile, so that the
    /// wait costs no time.
    pub(crate) fn arrived(&self, wanted: usize) -> anyhow::Result<Timeline> {
        Timeline::parse(&tokio::task::block_in_place(|| self.ask(&format!("arrived/{wanted}")))?)
    }

    /// Returns each payload's `n` and its arrival in microseconds since 1970, and forgets them.
    pub(crate) fn arrivals(&self) -> anyhow::Result<Vec<(usize, u64)>> {
        let text = self.ask("arrivals")?;
        let line = |line: &str| {
            Some(line.split_once(' ')).and_then(|pair| Some((pair?.0.parse().ok()?, pair?.1.parse().ok()?)))
        };
        Ok(text.lines().filter_map(line).collect())
    }

    fn ask(&self, what: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports[0]))?;
        write!(stream, "GET /{what} HTTP/1.1\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").context("the receiver's answer has no end")?;
        Ok(body.to_owned())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Seen {
    count: usize,
    arrivals: Vec<(u64, u64)>,
    /// The arrivals since the last `begin`.
    timeline: Timeline,
    /// How many there were before it.
    before: usize,
    /// The count that somebody waits for.
    wanted: usize,
}

static SEEN: LazyLock<Mutex<Seen>> = LazyLock::new(Mutex::default);

/// Tells that the wanted count is reached.
static ARRIVED: Notify = Notify::const_new();

/// Microseconds since 1970.
pub(crate) fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Runs the receiver in this process, with the certificate in this folder.
pub(crate) async fn receive(folder: &Path) -> anyhow::Result<()> {
    // Only this address accepts requests to every address of the loopback network.
    let plain = TcpListener::bind("0.0.0.0:0").await?;
    let encrypted = TcpListener::bind("127.0.0.1:0").await?;
    let acceptor = acceptor(folder)?;
    println!("{} {}", plain.local_addr()?.port(), encrypted.local_addr()?.port());
    loop {
        // An error of an answer means that the client has closed the connection, which is fine.
        tokio::select! {
            accepted = plain.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                tokio::spawn(async move { answer(stream).await.ok() });
            }
            accepted = encrypted.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let acceptor = acceptor.clone();
                tokio::spawn(async move { answer(acceptor.accept(stream).await?).await });
            }
        }
    }
}

fn acceptor(folder: &Path) -> anyhow::Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_file(certificate_in(folder))?;
    let key = PrivateKeyDer::from_pem_file(key_in(folder))?;
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let (head, length) = loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break (end + 4, content_length(&buffer[..end]));
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        while buffer.len() < head + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        if buffer.starts_with(b"GET ") {
            let text = tell(&buffer).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
            return stream.write_all(answer.as_bytes()).await;
        }
        note(&buffer[..head], &buffer[head..head + length]);
        buffer.drain(..head + length);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
    }
}

/// Counts a request. For requests to `/log`, also stores `n` and the time.
fn note(head: &[u8], body: &[u8]) {
    let mut seen = seen();
    seen.count += 1;
    let at = micros();
    seen.timeline.note(at);
    if seen.count == seen.wanted {
        ARRIVED.notify_one();
    }
    if head.starts_with(b"POST /log ")
        && let Some(position) = body.windows(4).position(|four| four == b"\"n\":")
    {
        let n = digits(&body[position + 4..]);
        seen.arrivals.push((n as u64, at));
    }
}

fn seen() -> MutexGuard<'static, Seen> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn tell(request: &[u8]) -> String {
    if let Some(wanted) = request.strip_prefix(b"GET /arrived/") {
        let is_there = {
            let mut seen = seen();
            seen.wanted = seen.before + digits(wanted);
            seen.count >= seen.wanted
        };
        if !is_there {
            ARRIVED.notified().await;
        }
        return seen().timeline.tell();
    }
    let mut seen = seen();
    if request.starts_with(b"GET /begin ") {
        seen.timeline = Timeline::default();
        seen.before = seen.count;
        return String::new();
    }
    if request.starts_with(b"GET /count ") {
        return seen.count.to_string();
    }
    seen.arrivals.drain(..).map(|(n, at)| format!("{n} {at}\n")).collect()
}

/// The number at the beginning of the text.
fn digits(text: &[u8]) -> usize {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}

fn content_length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head);
    let mut values = text.lines().filter_map(|line| line.split_once(':'));
    let value = values.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    value.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}
