//! A subscriber: an HTTP server that keeps every request, and answers as the test says.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::app::eventually;

/// A request that the subscriber got.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    /// Path and query, byte for byte.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) at: Instant,
}

impl Asked {
    /// The parameters of the query, in order.
    pub(super) fn parameters(&self) -> Vec<(String, String)> {
        let url = reqwest::Url::parse(&format!("http://a{}", self.target)).unwrap();
        url.query_pairs().into_owned().collect()
    }

    /// The last parameter of this name: those of the hub follow the callback's own.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().into_iter().rev().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    pub(super) fn mode(&self) -> String {
        self.parameter("hub.mode").unwrap_or_default()
    }

    pub(super) fn challenge(&self) -> String {
        self.parameter("hub.challenge").unwrap_or_default()
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delay: Duration,
    /// Turns true when the answer may leave.
    pub(super) held: Option<watch::Receiver<bool>>,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), delay: Duration::ZERO, held: None }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub(super) fn held_until(mut self, released: watch::Receiver<bool>) -> Self {
        self.held = Some(released);
        self
    }

    /// 200 with the challenge, as most subscribers answer.
    pub(super) fn echo(asked: &Asked) -> Self {
        Self::new(200, asked.challenge())
    }
}

type Answering = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

struct Shared {
    asked: Mutex<Vec<Asked>>,
    answering: Mutex<Answering>,
}

/// A subscriber on a free port of loopback. It echoes every challenge, until it is told otherwise.
pub(super) struct Subscriber {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Subscriber {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { asked: Mutex::default(), answering: Mutex::new(Arc::new(Reply::echo)) });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, server }
    }

    /// Answers requests from now on in this way.
    pub(super) fn answers(&self, answering: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        *self.shared.answering.lock().unwrap() = Arc::new(answering);
    }

    pub(super) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    pub(super) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Everything that has arrived.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Everything that has arrived for this path.
    pub(super) fn asked_at(&self, path: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.target.split('?').next() == Some(path)).collect()
    }

    /// The first so many requests for this path, once they have arrived.
    pub(super) async fn wait_at(&self, path: &str, requests: usize) -> Vec<Asked> {
        eventually("requests at a callback", || async {
            let asked = self.asked_at(path);
            if asked.len() >= requests { Ok(asked) } else { Err(format!("{} of {requests} at {path}", asked.len())) }
        })
        .await
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let target = parts.uri.path_and_query().unwrap().as_str().to_owned();
    let asked = Asked { method: parts.method, target, headers: parts.headers, body, at: Instant::now() };
    let answering = shared.answering.lock().unwrap().clone();
    let reply = answering(&asked);
    shared.asked.lock().unwrap().push(asked);
    tokio::time::sleep(reply.delay).await;
    if let Some(mut released) = reply.held {
        let _ = released.wait_for(|released| *released).await;
    }
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), reply.body).into_response();
    for (name, value) in reply.headers {
        let value = value.parse().unwrap();
        if name == "link" {
            response.headers_mut().append(name, value);
        } else {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
