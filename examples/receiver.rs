//! cargo run --example receiver -- --secret whsec_…
//!
//! A receiver for trying out webhooks. It answers every POST with `--status` after `--delay` milliseconds
//! and verifies signatures if you give it a `--secret`. <http://127.0.0.1:8888> shows the last 20 calls.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRef, FromRequestParts, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use clap::Parser;
use serde::Serialize;
use thorn::{event::printable, signing::Digest, timestamp::Timestamp};
use thorn_axum::{Problem, Webhook, WebhookSecrets};

/// Calls to keep.
const KEPT: usize = 20;

#[derive(Clone, Parser)]
struct Args {
    /// Status of every answer
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    status: u16,
    /// Milliseconds to wait before each answer
    #[arg(long, default_value_t = 0)]
    delay: u64,
    #[arg(long, env = "PORT", default_value_t = 8888)]
    port: u16,
    /// Secret of a subscription; repeat for several. Without one, signatures aren't verified
    #[arg(long = "secret", env = "THORN_SECRET", hide_env_values = true)]
    secrets: Vec<String>,
}

#[derive(Clone)]
struct App {
    args: Args,
    secrets: WebhookSecrets,
    calls: Arc<Mutex<VecDeque<Call>>>,
}

impl FromRef<App> for WebhookSecrets {
    fn from_ref(app: &App) -> Self {
        app.secrets.clone()
    }
}

#[derive(Clone, Serialize)]
struct Call {
    at: Timestamp,
    path: String,
    event: String,
    delivery: String,
    result: String,
    status: u16,
    body: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let secrets = WebhookSecrets::new(args.secrets.clone())?.or_hook_hmac(Digest::Sha256);
    let (receive, verifying) = match secrets.is_empty() {
        true => (post(unverified), "without verifying signatures (no --secret)"),
        false => (post(verified), "verifying signatures"),
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", args.port)).await?;
    say(&format!("receiving at http://{}, {verifying}", listener.local_addr()?));

    let app = App { args, secrets, calls: Arc::default() };
    let router = Router::new().route("/", get(show).merge(receive.clone())).route("/{*path}", receive).with_state(app);
    // `axum::serve` waits without limit for the head of a request. In production, put a proxy with time-outs in front of it,
    // as `docs/guide/getting_started.md` says.
    axum::serve(listener, router).with_graceful_shutdown(async { _ = tokio::signal::ctrl_c().await }).await?;
    Ok(())
}

/// Prints a line. Unlike `println!`, it doesn't panic if nobody reads the output any more.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Answers a verified delivery. Answers every other request with the extractor's rejection.
async fn verified(State(app): State<App>, call: Call, webhook: Result<Webhook, Problem>) -> Response {
    match webhook {
        Ok(Webhook { event, raw, .. }) => app.answer(Call { event, result: "verified".into(), ..call }, &raw).await,
        Err(problem) => {
            app.keep(Call { status: problem.status().as_u16(), result: problem.to_string(), ..call });
            problem.into_response()
        }
    }
}

async fn unverified(State(app): State<App>, call: Call, body: Bytes) -> Response {
    app.answer(call, &body).await
}

/// Reads a call from its path and headers, which aren't verified.
impl FromRequestParts<App> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let (at, path, status) = (Timestamp::now(), parts.uri.path().to_owned(), app.args.status);
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (event, delivery, result) = (text("hook-event"), text("hook-delivery"), "unverified".to_owned());
        Ok(Self { at, path, event, delivery, result, status, body: String::new() })
    }
}

impl App {
    fn keep(&self, call: Call) {
        let line = format!("{} {} {} {} {}", call.at, call.path, call.event, call.status, call.result);
        say(&printable(&line));
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push_front(call);
        calls.truncate(KEPT);
    }

    async fn answer(&self, call: Call, body: &[u8]) -> Response {
        self.keep(Call { body: String::from_utf8_lossy(body).into_owned(), ..call });
        tokio::time::sleep(Duration::from_millis(self.args.delay)).await;
        StatusCode::from_u16(self.args.status).unwrap_or_default().into_response()
    }
}

async fn show(State(app): State<App>, headers: HeaderMap) -> Response {
    let calls = app.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("application/json") {
        return Json(calls).into_response();
    }
    let rows: String = calls.iter().map(row).collect();
    let headings = ["Time", "Path", "Event", "Delivery", "Result", "Status", "Body"].join("<th scope=col>");
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <meta name=color-scheme content='light dark'><title>Webhook receiver</title>\
         <style>body {{ font: 16px/1.4 system-ui, sans-serif; margin: 1.5em }} table {{ border-collapse: collapse }}\
         caption {{ text-align: left; padding: 0 0 .5em }} tr {{ border-bottom: 1px solid #ccc }}\
         td, th {{ padding: .3em .8em .3em 0; text-align: left; vertical-align: top }}\
         td:last-child {{ overflow-wrap: anywhere; min-width: 15em }}</style>\
         <h1>Webhook receiver</h1><table><caption>The last {} of at most {KEPT} calls, newest first</caption>\
         <thead><tr><th scope=col>{headings}<tbody>{rows}</table>",
        calls.len(),
    );
    ([(header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'")], Html(page)).into_response()
}

fn row(Call { at, path, event, delivery, result, status, body }: &Call) -> String {
    let cells = [path, event, delivery, result, &status.to_string(), body]
        .map(|text| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
    format!("<tr><th scope=row><time>{at}</time><td>{}", cells.join("<td>"))
}
