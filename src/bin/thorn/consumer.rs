//! `thorn consumer`: a receiver for development, which shows what it got.

#[path = "consumer/call.rs"]
mod call;
#[path = "consumer/calls.rs"]
mod calls;
#[path = "consumer/page.rs"]
mod page;

use std::{
    io::{Write as _, stdout},
    sync::Arc,
};

use anyhow::Context as _;
use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
        uri::Authority,
    },
    response::{Html, IntoResponse, Response},
    routing::get,
};
use clap::Parser;
use thorn::worker::stop_signal;
use tokio::net::TcpListener;

use self::{call::Call, calls::Calls};
use crate::{listener, program};

/// Receives webhooks on a developer's machine: it answers every POST with a status, and a browser sees the last 20.
///
/// Let the server deliver to it with `THORN_ALLOW_NETWORKS=127.0.0.0/8`.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// The status of every answer.
    #[arg(default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    code: u16,
    /// The address to listen on.
    #[arg(default_value = "127.0.0.1")]
    host: String,
    /// The port to listen on.
    #[arg(default_value_t = 8888)]
    port: u16,
}

/// The parts that all requests share.
struct Consumer {
    code: StatusCode,
    /// The host that was asked for on the command line.
    host: String,
    calls: Calls,
}

const STYLE_PATH: &str = "/consumer.css";

pub(crate) async fn run(Arguments { code, host, port }: Arguments) -> anyhow::Result<()> {
    program::log("warn");
    let code = StatusCode::from_u16(code)?;
    let stop = stop_signal()?;
    let socket = TcpListener::bind((host.as_str(), port)).await;
    let socket = socket.with_context(|| format!("can't listen on {host}, port {port}; choose another port"))?;
    let _ = writeln!(stdout(), "thorn: listening on http://{}", socket.local_addr()?);
    let consumer = Arc::new(Consumer { code, host, calls: Calls::default() });
    let routes = Router::new()
        .route(STYLE_PATH, get(style).post(receive))
        .fallback(get(show).post(receive))
        .with_state(consumer);
    listener::serve(socket, routes, stop).await;
    Ok(())
}

async fn receive(State(consumer): State<Arc<Consumer>>, request: Request) -> StatusCode {
    let call = Call::read(request, consumer.calls.turn().await).await;
    // A closed terminal doesn't keep anybody from receiving.
    let _ = writeln!(stdout(), "{}, answered {}", call.line(), consumer.code.as_u16());
    consumer.calls.add(call);
    consumer.code
}

async fn show(State(consumer): State<Arc<Consumer>>, headers: HeaderMap) -> Response {
    if !consumer.serves(&headers) {
        let text = "This host isn't served. Use the address that the consumer printed.\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    (protection(), Html(page::render(consumer.code.as_u16(), &consumer.calls.newest_first()))).into_response()
}

async fn style() -> impl IntoResponse {
    (protection(), [(CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE)
}

/// Headers that let the page load nothing but its own style.
fn protection() -> [(HeaderName, HeaderValue); 4] {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    [
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}

impl Consumer {
    /// Whether a page may be shown under this host: an address, `localhost`, or the name that was asked for. A foreign
    /// page could resolve a name of its own to this machine and read the calls.
    fn serves(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        host.is_some_and(|authority| {
            let host = authority.host();
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let named = ["localhost", &self.host].iter().any(|name| name.eq_ignore_ascii_case(host));
            named || bare.parse::<std::net::IpAddr>().is_ok()
        })
    }
}
