//! What makes the blog show itself: a receiver of its own, and what to type next.

use axum::{Router, extract::FromRef, http::StatusCode, routing::post};
use thorn::{
    Thorn, Webhook, WebhookSecrets,
    subscription::{Access, NewSubscription, Page},
};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// The path by which the receiver's subscription is known again after a restart.
const PATH: &str = "/the-blogs-own-receiver";

pub(crate) fn log_warnings() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// A free port for the receiver.
pub(crate) async fn bind() -> std::io::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await
}

#[derive(Clone)]
struct Secrets(WebhookSecrets);

impl FromRef<Secrets> for WebhookSecrets {
    fn from_ref(secrets: &Secrets) -> Self {
        secrets.0.clone()
    }
}

/// Subscribes the receiver to every article of every author, and says what to type next.
pub(crate) async fn start(thorn: &Thorn, listener: TcpListener, port: u16) -> anyhow::Result<()> {
    let subscriptions = thorn.subscriptions();
    for old in subscriptions.list(Access::Operator, Page { limit: 1000, ..Page::default() }).await? {
        if old.owner.is_none() && old.url.ends_with(PATH) {
            subscriptions.delete(Access::Operator, old.id).await?;
        }
    }
    let url = format!("http://{}{PATH}", listener.local_addr()?);
    let new = NewSubscription { event: "article.*".into(), url, ..NewSubscription::default() };
    let secret = subscriptions.create(new).await?.secret;
    let secrets = Secrets(WebhookSecrets::new([secret.expose()]));
    let receiver = Router::new().route(PATH, post(show)).with_state(secrets);
    tokio::spawn(async move { axum::serve(listener, receiver).await });
    println!(
        r#"
a receiver of its own listens to article.*; in another terminal, type

  curl -s http://127.0.0.1:{port}/articles/ -H 'Authorization: Bearer alice' \
    -H 'Content-Type: application/json' -d '{{"title": "Hello", "body": "World"}}'

  curl -s -X PATCH http://127.0.0.1:{port}/articles/1/ -H 'Authorization: Bearer alice' \
    -H 'Content-Type: application/json' -d '{{"state": "PUBLISHED"}}'

and see below what arrives
"#
    );
    Ok(())
}

/// Prints a delivery; it gets here only if its signature is right.
async fn show(hook: Webhook) -> StatusCode {
    let (sender, data) = (hook.sender.as_deref().unwrap_or("nobody"), &hook.data);
    println!("✔ verified {} by {sender}: {data}", hook.event);
    StatusCode::NO_CONTENT
}

/// Resolves when the process is asked to stop.
pub(crate) async fn stop_signal() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
