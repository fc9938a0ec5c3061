//! Shows the blog at work: starts a receiver and prints the commands to type next.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
};

use axum::{Router, extract::FromRef, http::StatusCode, routing::post};
use thorn::{
    Thorn, Webhook, WebhookSecrets,
    event::printable,
    subscription::{Access, NewSubscription, Page},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt as _,
    fmt::{FormatFields, format},
};

/// The path of the receiver's URL. After a restart it identifies the old subscription.
const PATH: &str = "/the-blogs-own-receiver";

pub(crate) fn log_warnings() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    // A line that can't be written is lost, and nothing else.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.log_internal_errors(false).fmt_fields(printable_fields()).init();
}

/// Prints a line. Unlike `println!`, it doesn't panic if nobody reads the output any more.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Writes the fields of a log line. Characters that act on a terminal are escaped, because data may hold them.
fn printable_fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    format::debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(writer, "{}", printable(&value)),
            name => write!(writer, "{name}={}", printable(&value)),
        }
    })
    .delimited(" ")
}

/// Listens on a free port for the receiver.
pub(crate) async fn bind_receiver() -> io::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await
}

#[derive(Clone)]
struct Secrets(WebhookSecrets);

impl FromRef<Secrets> for WebhookSecrets {
    fn from_ref(secrets: &Secrets) -> Self {
        secrets.0.clone()
    }
}

/// Deletes the subscription of an earlier run, whose receiver no longer exists.
pub(crate) async fn remove_old_subscription(thorn: &Thorn) -> Result<(), thorn::Error> {
    let subscriptions = thorn.subscriptions();
    for old in subscriptions.list(Access::Operator, Page { limit: 1000, ..Page::default() }).await? {
        if old.owner.is_none() && old.spec.destination.url.ends_with(PATH) {
            subscriptions.delete(Access::Operator, old.id).await?;
        }
    }
    Ok(())
}

/// Subscribes the receiver to the articles of every author and prints the commands to type next. The receiver's task
/// ends only by a panic.
pub(crate) async fn start_receiver(
    thorn: &Thorn,
    listener: TcpListener,
    blog: SocketAddr,
) -> anyhow::Result<JoinHandle<io::Result<()>>> {
    let url = format!("http://{}{PATH}", listener.local_addr()?);
    let new = NewSubscription::new("article.*", url);
    let secret = thorn.subscriptions().create(new).await?.spec.destination.signing.secret;
    let secrets = Secrets(WebhookSecrets::new(secret.iter().map(|secret| secret.expose()))?);
    let receiver = Router::new().route(PATH, post(show)).with_state(secrets);
    let receiving = tokio::spawn(async move { axum::serve(listener, receiver).await });
    say(&format!(
        r#"
the blog's own receiver is subscribed to article.*; in another terminal, type

  curl -s http://{blog}/articles/ -H 'Authorization: Bearer alice' \
    -H 'Content-Type: application/json' -d '{{"title": "Hello", "body": "World"}}'

  curl -s -X PATCH http://{blog}/articles/1/ -H 'Authorization: Bearer alice' \
    -H 'Content-Type: application/json' -d '{{"state": "PUBLISHED"}}'

the deliveries appear below
"#
    ));
    Ok(receiving)
}

/// Prints a delivery. The extractor has already verified its signature.
async fn show(hook: Webhook) -> StatusCode {
    let (sender, data) = (hook.sender.as_deref().unwrap_or("nobody"), &hook.data);
    let line = format!("verified {} by {sender}: {data}", hook.event);
    say(&format!("✔ {}", printable(&line)));
    StatusCode::NO_CONTENT
}

/// Prints how to subscribe a receiver that runs elsewhere.
pub(crate) fn explain_subscribing(blog: SocketAddr) {
    say(&format!(
        r#"
to subscribe to the articles of alice, type

  curl -s http://{blog}/hooks/ -H 'Authorization: Bearer alice' \
    -H 'Content-Type: application/json' -d '{{"event": "article.*", "url": "http://127.0.0.1:8888/"}}'

and start a receiver with the hmac_secret in the answer: cargo run --example receiver -- --secret whsec_…
"#
    ));
}
